"""Entry point: the review page, for people who come through Identity-Aware Proxy."""

from typing import cast

import functions_framework
from flask import Request, Response

from audiodup import serving, wiring


@functions_framework.http
def review(request: Request) -> Response:
    """Answer one request of a browser."""
    return serving.serve(
        request,
        lambda: cast(Response, Response.from_app(wiring.review_page(), request.environ)),
        project=lambda: wiring.parts().project(),
    )
