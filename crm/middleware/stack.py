"""Room for the Python frames of a request or a command.

CPython 3.11 keeps frames in chunks of 16 kB, and returns a chunk to the system as soon as its
first frame ends. If a loop's calls begin a chunk, each call takes memory from the system: such a
page or import takes up to three times as long, depending on how deep its loops happen to be. A
function with a large frame gets a larger chunk, in which the frames of its calls have room.
https://github.com/python/cpython/blob/v3.11.7/Python/pystate.c (push_chunk)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.http import HttpRequest, HttpResponse

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# In places of 8 bytes. CPython doubles a chunk until the frame fits: this is a little more than
# half of 256 kB. The system gives memory only to what is used of it.
_FRAME = 16_500


def with_room(
    call: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Return the call's result. Its frames, and those of its own calls, have 120 kB of room."""
    return call(*args, **kwargs)


with_room.__code__ = with_room.__code__.replace(co_stacksize=_FRAME)


class StackMiddleware:
    """Gives all other middleware and the view room for their frames."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return with_room(self.get_response, request)
