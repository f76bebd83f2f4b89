"""The functions of which the expressions in the report's statements consist.

Every comparison of two servers has one estimator: the median of the ratios of single rounds."""

from __future__ import annotations

import statistics

from .extras import BESIDE_HANDSHAKES, SATURATED, SHAPES
from .servers import KINDS, PEER_NAMES
from .verdict import Figures
from .workloads import TLS_MEMORY_COUNT

PLAIN = {
    "abs": abs, "all": all, "any": any, "len": len, "max": max, "min": min, "round": round,
    "sorted": sorted, "sum": sum, "True": True, "False": False,
}  # fmt: skip


class Missing(Exception):
    """A figure that the results do not have."""


class Voice:
    """Answers in plain numbers. A public method is a function of the expressions."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._names = {name: getattr(self, name) for name in dir(self) if not name.startswith("_")}
        self._names.pop("value")
        self._names["peers"] = PEER_NAMES

    def value(self, expression: str) -> object:
        """The value of EXPRESSION; Missing if the results lack something it asks for."""
        try:
            return eval(expression, {"__builtins__": PLAIN, **self._names})  # our own file's
        except ZeroDivisionError:
            raise Missing(f"{expression}: a figure is 0") from None

    def _there(self, found: object, what: str) -> object:
        if found is None:
            raise Missing(f"{what} was not measured")
        return found

    # --- the workloads of wrk, by name ---

    def ratio(self, workload: str, server: str = "sluice") -> float:
        """Cost ÷ the limit's."""
        return self._there(self._figures.ratio(workload, server), f"{server} at {workload}").median

    def low(self, workload: str, server: str = "sluice") -> float:
        """The lower end of that ratio's interval."""
        return self._there(self._figures.ratio(workload, server), f"{server} at {workload}").low

    def high(self, workload: str, server: str = "sluice") -> float:
        """The upper end of that ratio's interval."""
        return self._there(self._figures.ratio(workload, server), f"{server} at {workload}").high

    def rounds(self, workload: str, server: str = "sluice") -> int:
        """How many rounds that ratio is the median of."""
        return self._there(self._figures.ratio(workload, server), f"{server} at {workload}").count

    def confidence(self, workload: str, server: str = "sluice") -> float:
        """The chance that the interval of that ratio holds the median of all rounds there could
        be."""
        return self._there(
            self._figures.ratio(workload, server), f"{server} at {workload}"
        ).confidence

    def noise(self, workload: str) -> float:
        """How far the limit's ratio to itself reaches from 1."""
        return self._there(
            self._figures.ratio(workload, "limit-2"), f"noise at {workload}"
        ).deviation

    def best(self, workload: str) -> str:
        """The peer with the lowest cost."""
        return self._there(self._figures.best(workload), f"a peer at {workload}")

    def best_title(self, workload: str) -> str:
        """How that peer is called."""
        return KINDS[self.best(workload)].title

    def against(self, workload: str, server: str, other: str, column: str = "cost_ns") -> float:
        """SERVER's COLUMN ÷ OTHER's, the median of the rounds."""
        found = self._figures.against(workload, server, other, column)
        return self._there(found, f"{server} and {other} at {workload}").median

    def below(self, workload: str, server: str, other: str) -> bool:
        """Whether the whole interval of SERVER's cost ÷ OTHER's lies below 1."""
        found = self._figures.against(workload, server, other)
        return self._there(found, f"{server} and {other} at {workload}").high < 1

    def cost_us(self, workload: str, server: str = "sluice") -> float:
        """CPU time for a request, or a MiB."""
        return self._median(workload, server, "cost_ns", "wrk") / 1000

    def rps(self, workload: str, server: str = "sluice") -> float:
        """Requests a second."""
        return self._median(workload, server, "rps", "wrk")

    def p99_us(self, workload: str, server: str = "sluice") -> float:
        """The latency that one request in a hundred exceeds."""
        return self._median(workload, server, "p99_us", "wrk")

    def errors(self, workload: str, server: str = "sluice") -> int:
        """In all rounds."""
        self._there(self._figures.of("wrk", workload, server) or None, f"{server} at {workload}")
        return self._figures.errors(workload, server)

    # --- other measurements ---

    def calls(self, workload: str, server: str = "sluice") -> float:
        """System calls for a request, or a MiB."""
        return self._median(workload, server, "calls", "calls")

    def memory(self, count: int, server: str = "sluice") -> float:
        """Bytes for an idle connection, of COUNT."""
        return self._median(f"idle-{count}", server, "memory_bytes", "memory")

    def tls_memory(self, server: str = "sluice") -> float:
        """Bytes for an idle connection over TLS."""
        return self._median(f"tls-idle-{TLS_MEMORY_COUNT}", server, "memory_bytes", "memory")

    def handshakes_p99_us(self, server: str = "sluice") -> float:
        """p99 of established connections beside a flood of handshakes."""
        return self._median(BESIDE_HANDSHAKES, server, "p99_us", "handshakes")

    def rate_p99_us(self, offered: int, server: str = "sluice") -> float:
        """p99 at a fixed rate."""
        return self._median(f"rate-{offered}", server, "p99_us", "rate")

    def rate_cost_us(self, offered: int, server: str = "sluice") -> float:
        """CPU time for a request at a fixed rate."""
        return self._median(f"rate-{offered}", server, "cost_ns", "rate") / 1000

    def beside_p99_us(self, server: str = "sluice") -> float:
        """p99 of small files beside 50 large downloads."""
        return self._median("beside-50", server, "p99_us", "mixed")

    def capacity(self, shape: str, server: str) -> float:
        """The most replies a second that httperf saw from SERVER in SHAPE, errors or not."""
        rows = self._figures.of("httperf", shape, server)
        rates = [row.rps for row in rows if row.rps is not None]
        return self._there(max(rates, default=None), f"httperf {shape} at {server}")

    def kept_up(self, shape: str, server: str) -> float:
        """The highest offered rate of calls at which SERVER answered nine in ten without an
        error."""
        calls = next(one.calls for one in SHAPES if one.name == shape)
        rates = [
            row.offered * calls
            for row in self._figures.of("httperf", shape, server)
            if row.offered and row.rps and not row.errors and not row.client_bound
            and row.rps >= SATURATED * row.offered * calls
        ]  # fmt: skip
        return self._there(max(rates, default=None), f"httperf {shape} at {server}")

    def _median(self, workload: str, server: str, column: str, kind: str) -> float:
        found = self._figures.rounds(workload, server, column, kind)
        if not found:
            raise Missing(f"{column} of {server} at {workload} was not measured")
        return statistics.median(found.values())
