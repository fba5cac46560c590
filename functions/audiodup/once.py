"""A property that is computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class Once(Generic[T]):
    """A property that is computed once, also when many threads ask at the same time. Its owner has `lock` and
    `built`.
    """

    def __init__(self, build: Callable[[Any], T]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, parts: None, owner: type) -> Once[T]: ...
    @overload
    def __get__(self, parts: object, owner: type) -> T: ...
    def __get__(self, parts: Any, owner: type) -> T | Once[T]:
        if parts is None:
            return self
        with parts.lock:
            if self._name not in parts.built:
                parts.built[self._name] = self._build(parts)
            value: T = parts.built[self._name]
            return value
