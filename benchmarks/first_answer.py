"""A fresh process up to its first answer: `python -m benchmarks.first_answer` says when it has given it."""

import sys

# jsonschema loads this where it is installed, which takes a second. The tools that write the bill of materials need it,
# and an installation of the service does not have it (requirements.txt).
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

from benchmarks.calls import decision_service, post  # noqa: E402 - see above
from benchmarks.requests import order_sign  # noqa: E402 - see above

if __name__ == "__main__":
    post(decision_service(), order_sign())
    print("answered", flush=True)
