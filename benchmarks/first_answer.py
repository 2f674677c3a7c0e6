"""A fresh process up to its first answer: `python -m benchmarks.first_answer` says when it has given it."""

from benchmarks.calls import decision_service, post
from benchmarks.requests import order_sign

if __name__ == "__main__":
    post(decision_service(), order_sign())
    print("answered", flush=True)
