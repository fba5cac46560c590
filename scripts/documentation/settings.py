"""docs/settings.md and infra/settings.json: every setting, from the model that reads them."""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from audiodup import wiring
from audiodup.wiring import settings_model

from .markdown import code, page, sentence, table

# Defaults that are paths are told from the checkout that holds the package.
ROOT = Path(wiring.__file__).resolve().parents[2]

INTRODUCTION = """
Every setting is an environment variable; no file is read for them. An empty one counts as not set. All are read and
checked once, when a function or a command line starts; where one is wrong it ends there with `SETTINGS_INVALID` and the
name of each setting that is wrong, without its value.

The embedded store needs none of them. For Snowflake set `SNOWFLAKE_ACCOUNT` and either `SNOWFLAKE_USER` and
`SNOWFLAKE_PRIVATE_KEY` (key pair) or, on Google Cloud, neither (workload identity); there is no sign-in by password.
The private key is a secret's name, and never the key or its path: it is read from Secret Manager in
`GOOGLE_CLOUD_PROJECT`, or, with `SECRETS=some/folder`, from the file of that name there.
The functions need `GOOGLE_CLOUD_PROJECT` and `PROVIDERS` too.
"""

PROVIDERS = """
## One entry of PROVIDERS

A JSON object: the provider's name, as AUDIO_ASSET has it, and how to ask its download API for a file's signed URL.
"""

EXAMPLE: dict[str, Any] = {
    "artlist": {
        "url": "https://api.example.com/assets/{asset_id}/files/{file_key}",
        "header": "Authorization",
        "secret": "artlist-token",
        "pointer": "/data/url",
        "hosts": ["*.s3.example.com"],
    },
    "motionarray": {"url": "https://download.example.org/{asset_id}", "hosts": ["files.example.org:8443"]},
}

OTHERS_INTRODUCTION = """
## Variables that others read

These are no settings of ours and are not checked at start: who is named here reads them.
"""

OTHERS = {
    "PUBSUB_EMULATOR_HOST": "Google's Pub/Sub client: `host:port` of an emulator, taken instead of Pub/Sub. "
    "`make local` sets it for what it starts.",
    "GOOGLE_APPLICATION_CREDENTIALS": "Google's client libraries: file with credentials, on a machine that has none of "
    "its own. On Google Cloud leave it unset.",
    "FUNCTION_SOURCE": "functions-framework: file of the function that an instance serves.",
    "FUNCTION_TARGET": "functions-framework: name of the function in that file.",
    "TMPDIR": "Python: folder for the files in flight; on Cloud Run it is the instance's memory.",
    "SSL_CERT_FILE": "Downloads: bundle of certificate authorities to trust, where REQUESTS_CA_BUNDLE is not set.",
    "REQUESTS_CA_BUNDLE": "Downloads and the requests library: the same; it comes first.",
    "SSL_CERT_DIR": "Downloads: folder of such certificates, where neither of the two is set.",
    "IMAGE_BUILD_ARGS": "`make image`, `make deploy`: further options of the build, for a company's "
    "certificates or mirror.",
    "JAVA_HOME": "`make local`: the Java that runs the Pub/Sub emulator; default is the one on the PATH.",
}

MAKE_INTRODUCTION = """
## Variables of make

Given on its command line, as in `make run AUDIO=music`.
"""

MAKE = {
    "AUDIO": "`run`, `local`, `bench`: folder of audio; default is a sample that is fetched or made. `soak`: "
    "by default sounds are made.",
    "DATABASE": "`run`: folder of the embedded store; default `.audiodup`.",
    "REPOSITORY": "`deploy`: where the image is pushed to, as in `europe-west1-docker.pkg.dev/my-project/audiodup`.",
    "CONNECTION": "`snowflake`: whom to sign in as: a connection of Snowflake's own connections.toml.",
    "ARGS": '`test`: arguments for pytest, as in `ARGS="-k store"`; `image`, `deploy`, `snowflake`, `chaos`, `soak`: '
    "options of the script.",
}


def render() -> str:
    """The page."""
    model = settings_model()
    properties = model.model_json_schema()["properties"]
    sections = []
    for title, fields in groups(model):
        rows = [
            (
                code(name.upper()),
                _type(properties[name], annotation),
                _default(properties[name]),
                properties[name].get("description", ""),
            )
            for name, annotation in fields.items()
        ]
        sections.append(f"## {title}\n\n{table(('setting', 'type', 'default', 'meaning'), rows)}")
    return page(
        "Settings",
        "functions/audiodup/settings.py",
        INTRODUCTION,
        *sections,
        PROVIDERS,
        _provider_fields(),
        f"```json\n{json.dumps(EXAMPLE, indent=2)}\n```",
        OTHERS_INTRODUCTION,
        _variables(OTHERS),
        MAKE_INTRODUCTION,
        _variables(MAKE),
    )


def defaults() -> str:
    """infra/settings.json: each setting's default, for Terraform to reckon with."""
    properties = settings_model().model_json_schema()["properties"]
    # A path is one of this checkout.
    values = {
        name.upper(): schema.get("default") for name, schema in properties.items() if schema.get("format") != "path"
    }
    return json.dumps(values, indent=2) + "\n"


def groups(model: type) -> list[tuple[str, dict[str, str]]]:
    """Fields with their annotations as they are written, under the comments that stand above them in the source."""
    source = inspect.getsource(model)
    annotations = dict(_annotated(source))
    found: list[tuple[str, dict[str, str]]] = []
    for line in source.splitlines():
        if heading := re.fullmatch(r" {4}# (.+)", line):
            found.append((heading[1], {}))
        elif (field := re.match(r" {4}(\w+): ", line)) and field[1] in annotations:
            found[-1][1][field[1]] = annotations[field[1]]
    return found


def _annotated(source: str) -> Iterator[tuple[str, str]]:
    [definition] = ast.parse(textwrap.dedent(source)).body
    for node in getattr(definition, "body", []):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, ast.unparse(node.annotation)


def _provider_fields() -> str:
    provider = get_args(settings_model().model_fields["providers"].annotation)[1]
    meanings = _docstrings(inspect.getsource(provider))
    schema = provider.model_json_schema()
    rows = [
        (code(name), _type(values, ""), _default(values, required=name in schema["required"]), meanings[name])
        for name, values in schema["properties"].items()
    ]
    return table(("field", "type", "default", "meaning"), rows)


def _docstrings(source: str) -> dict[str, str]:
    """The text below each field."""
    [definition] = ast.parse(textwrap.dedent(source)).body
    body = getattr(definition, "body", [])
    return {
        node.target.id: sentence(str(below.value.value))
        for node, below in pairwise(body)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
    }


def _type(schema: dict[str, Any], annotation: str) -> str:
    """A JSON schema's type in plain words."""
    present = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    schema = {**schema, **present[0]}
    if "$ref" in schema:
        return " or ".join(code(value) for value in _enumerated(schema["$ref"]))
    if "pattern" in schema:
        return " or ".join(code(word) for word in _alternatives(schema["pattern"]))
    if "Identifier" in annotation:
        return "Snowflake identifier"
    words = {
        "string": "path" if schema.get("format") == "path" else "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "object": "JSON object",
        "array": "list of texts",
    }[schema["type"]]
    return words + _bounds(schema)


def _enumerated(reference: str) -> list[str]:
    definitions = settings_model().model_json_schema()["$defs"]
    values: list[str] = definitions[reference.rsplit("/", 1)[1]]["enum"]
    return values


def _alternatives(pattern: str) -> list[str]:
    """`^(A|B)$` and `^https?$` are all that is needed."""
    words = pattern.strip("^$()").split("|")
    return [form for word in words for form in ([word[:-1], word[:-2]] if word.endswith("?") else [word])]


def _bounds(schema: dict[str, Any]) -> str:
    least, most, above = (schema.get(name) for name in ("minimum", "maximum", "exclusiveMinimum"))
    if least is not None and most is not None:
        return f", {least:g} to {most:,.0f}"
    if least is not None:
        return f", {least:g} or more"
    return "" if above is None else f" above {above:g}"


def _default(schema: dict[str, Any], *, required: bool = False) -> str:
    if required:
        return "must be given"
    value = schema.get("default")
    if value is None or value in ("", {}):
        return "none"
    if isinstance(value, bool):
        return code(str(value).lower())
    if schema.get("format") == "path":
        return code(Path(value).relative_to(ROOT))
    return code(value)


def _variables(meanings: dict[str, str]) -> str:
    return table(("variable", "who reads it, and for what"), [(code(name), text) for name, text in meanings.items()])
