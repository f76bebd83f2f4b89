"""Printers and commands for gdb: gdb -x tools/gdb/sluice.py -p PID, or with a core file.

    sluice workers     the workers: connections, counters
    sluice conns       every connection: identity, descriptor, state, phase, bytes
    sluice trace [N]   the latest N (20) events of each worker

print shows struct str as text, struct list as its length, and rings, output queues, blobs and
connections in one line. The commands work with any build that has debug information; after `make
debug` few variables are "optimized out".

Workers are found through the list of trace rings (core/observe/trace.c): each ring is a member of
its worker's struct conn_context. The commands only read memory, so they work with core files.
"""

import gdb

LIST_MAX = 1 << 20  # nodes: a longer list is a damaged one
TEXT_MAX = 200  # bytes of a string that are shown


# --- Reading --------------------------------------------------------------------------------------


def container_of(pointer, type_name, member):
    """The object of TYPE_NAME whose MEMBER is at POINTER."""
    kind = gdb.lookup_type(type_name)
    offset = next(field.bitpos // 8 for field in kind.fields() if field.name == member)
    address = int(pointer) - offset
    return gdb.Value(address).cast(kind.pointer()).dereference()


def member(value, *names):
    """VALUE's first member of NAMES, also inside its `socket`; None if it has none."""
    fields = {field.name for field in value.type.strip_typedefs().fields()}
    for name in names:
        if name in fields:
            return value[name]
    return member(value["socket"], *names) if "socket" in fields else None


def text_of(at, length):
    """LENGTH bytes at AT in quotes, with escapes."""
    if int(at) == 0:
        return "absent"
    shown = min(int(length), TEXT_MAX)
    data = bytes(gdb.selected_inferior().read_memory(int(at), shown)) if shown else b""
    text = data.decode("utf-8", "backslashreplace").encode("unicode_escape").decode()
    return '"' + text.replace('"', '\\"') + '"' + ("..." if int(length) > shown else "")


def nodes_of(head):
    """The addresses of the nodes of the list HEAD."""
    first = int(head.address)
    node = int(head["next"])
    for _ in range(LIST_MAX):
        if node in (0, first):
            return
        yield node
        node = int(gdb.Value(node).cast(head.type.pointer())["next"])


def traces():
    """The trace ring of each worker."""
    rings = gdb.lookup_symbol("rings")[0] or gdb.lookup_static_symbol("rings")
    if rings is None:
        raise gdb.GdbError("no debug information of core/observe/trace.c; is this a server?")
    kind = gdb.lookup_type("struct trace").pointer()
    ring = int(rings.value())
    found = []
    while ring:
        trace = gdb.Value(ring).cast(kind).dereference()
        found.append(trace)
        ring = int(trace["next"])
    return found[::-1]


def workers():
    """(worker, trace) of each worker."""
    for trace in traces():
        context = container_of(trace.address, "struct conn_context", "trace")
        yield container_of(context.address, "struct worker", "context"), trace


def conns_of(worker):
    """The connections of WORKER that are not free."""
    table = worker["conns"]
    slots = int(gdb.parse_and_eval("(int)CONN_TABLE_CHUNK_SLOTS"))
    for number in range((int(table["slot_max"]) + slots - 1) // slots):
        chunk = table["chunks"][number]["conns"]
        if int(chunk) == 0:
            continue
        for slot in range(min(slots, int(table["slot_max"]) - number * slots)):
            conn = chunk[slot]
            if is_open(conn):
                yield conn


def is_open(conn):
    """Whether CONN is in use: a slot that is free or waits for its burial has state CONN_CLOSED."""
    return str(conn["state"]) != "CONN_CLOSED"


# --- One line for each type -----------------------------------------------------------------------


def show_ring(ring):
    if int(ring["storage"]) == 0:
        return "no storage"
    return f"{int(ring['length'])} of {int(ring['capacity'])} bytes from {int(ring['first'])}"


def show_outq(queue):
    if int(queue["store"]) == 0:
        return "no storage"
    store = queue["store"].dereference()
    pushed = int(store["pushed"])
    return (
        f"{pushed - int(store['sent'])} of {pushed} bytes unsent, {int(store['span_count'])} spans,"
        f" {int(store['end_count'])} answers"
    )


def show_blob(blob):
    where = f"file {int(blob['fd'])}" if int(blob["fd"]) >= 0 else "memory"
    return f"{int(blob['length'])} bytes in {where}, {int(blob['references'])} references"


def short(value, prefix):
    """An enumeration constant without its PREFIX, in lower case."""
    return str(value).replace(prefix, "").lower()


def show_conn(conn):
    flags = [name for name in ("readable", "writable", "hangup", "input_ended", "pinned")
             if member(conn, name)]
    return (
        f"{int(conn['slot'])}/{int(conn['generation'])} fd {int(member(conn, 'fd'))}"
        f" {short(conn['state'], 'CONN_')} {short(conn['phase'], 'CONN_PHASE_')}"
        f" in: {show_ring(conn['input'])}; out: {show_outq(conn['output'])}"
        + (f"; {' '.join(flags)}" if flags else "")
    )


class Printer:
    """What gdb calls to print a value, by a function of ours."""

    def __init__(self, value, show):
        self.value, self.show = value, show

    def to_string(self):
        try:
            return self.show(self.value)
        except gdb.MemoryError as error:
            return f"unreadable: {error}"


PRINTERS = {
    "str": lambda value: text_of(value["at"], value["length"]),
    "list": lambda value: "not in a list" if not int(value["next"])
    else f"{sum(1 for _ in nodes_of(value))} other nodes",
    "ring": show_ring,
    "outq": show_outq,
    "blob": show_blob,
    "conn": show_conn,
}


def find_printer(value):
    kind = value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_STRUCT and kind.tag in PRINTERS:
        return Printer(value, PRINTERS[kind.tag])
    return None


# --- Commands -------------------------------------------------------------------------------------


class Sluice(gdb.Command):
    """Commands for a Sluice server: workers, conns, trace."""

    def __init__(self):
        super().__init__("sluice", gdb.COMMAND_DATA, prefix=True)


class Workers(gdb.Command):
    """sluice workers: the workers with their connections and counters."""

    def __init__(self):
        super().__init__("sluice workers", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        names = [field.name for field in gdb.lookup_type("enum counter").fields()]
        for worker, trace in workers():
            print(f"worker {worker.address}, thread {int(trace['thread'])}:"
                  f" {int(worker['conns']['open_count'])} connections,"
                  f" {int(trace['count'])} events")
            for number, name in enumerate(names[:-1]):
                count = int(worker["counters"]["value"][number])
                if count:
                    print(f"  {short(name, 'COUNTER_')} {count}")


class Conns(gdb.Command):
    """sluice conns: every connection that is not free."""

    def __init__(self):
        super().__init__("sluice conns", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        for worker, trace in workers():
            print(f"thread {int(trace['thread'])}:")
            for conn in conns_of(worker):
                print("  " + show_conn(conn))


class Trace(gdb.Command):
    """sluice trace [N]: the latest N (20) events of each worker, the latest last."""

    def __init__(self):
        super().__init__("sluice trace", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        wanted = int(argument or 20)
        events = {field.enumval: short(field.name, "TRACE_")
                  for field in gdb.lookup_type("enum trace_event").fields()}
        for trace in traces():
            size = trace["records"].type.range()[1] + 1
            count = int(trace["count"])
            shown = min(count, size, wanted)
            print(f"thread {int(trace['thread'])}: {count} events, the latest turn was of generation"
                  f" {int(trace['turn'])}")
            latest = int(trace["records"][(count - 1) % size]["time_ms"]) if shown else 0
            for number in range(count - shown, count):
                record = trace["records"][number % size]
                phase = int(record["phase"])
                known = phase < int(trace["phase_count"])
                print(f"  {latest - int(record['time_ms']):8} ms ago,"
                      f" {int(record['slot'])}/{int(record['generation'])}"
                      f" {events.get(int(record['event']), '?')}"
                      f" {trace['phase_names'][phase].string() if known else '?'}"
                      f" {int(record['value'])}")


gdb.pretty_printers.append(find_printer)
for command in (Sluice, Workers, Conns, Trace):
    command()
