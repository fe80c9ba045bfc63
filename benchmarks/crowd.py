"""`python -m benchmarks.crowd ROWS NODES`: a stub upstream that lists that many connections, and nothing else.

Every row is made before the first question.  As on a real cluster a connection is listed twice: by the node that holds
its socket, and by the one that leads its user's slot.  Prints the addresses, one a line, then an empty line.
"""

import asyncio
import json
import random
import sys
from urllib.parse import parse_qs, urlsplit

DEVICES = ("App(主)",) * 6 + ("Web(从)",) * 3 + ("PC(从)",)


def make_rows(count: int, nodes: int) -> tuple[list[list[bytes]], list[int]]:
    """The rows of each node, by connection id, as JSON; and how many sockets it holds."""
    rng = random.Random(50_000)
    listed: list[list[tuple[int, int, bytes]]] = [[] for _ in range(nodes)]
    held = [0] * nodes
    for number in range(count):
        holder, leader = number % nodes, rng.randrange(nodes)
        held[holder] += 1
        row = _row(rng, number, held[holder], holder + 1, leader + 1)
        for node in {holder, leader}:
            shown = row if node == holder else {**row, "ip": f"10.0.0.{holder + 1}", "port": 11110}
            listed[node].append(
                (held[holder], holder, json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode())
            )
    return [[body for *_order, body in sorted(rows)] for rows in listed], held


def _row(rng: random.Random, number: int, id: int, node: int, leader: int) -> dict[str, object]:
    up, idle = int(rng.expovariate(1 / 7200)) + 1, int(rng.expovariate(1 / 60))
    network = rng.choice(("203.0.113", "198.51.100", "192.0.2", f"10.{rng.randrange(8)}.{rng.randrange(64)}"))
    return {
        "id": id, "uid": f"u{600_000 + number}", "ip": f"{network}.{rng.randrange(1, 255)}",
        "port": rng.randrange(1024, 65_000), "last_activity": "2026-01-31T08:00:00Z",
        "uptime": f"{up // 3600}h{up // 60 % 60}m{up % 60}s" if up >= 3600 else f"{up // 60}m{up % 60}s",
        "idle": f"{idle // 60}m{idle % 60}s" if idle >= 60 else f"{idle}s", "pending_bytes": 0,
        "in_msgs": rng.randrange(3000), "out_msgs": rng.randrange(30_000), "in_msg_bytes": rng.randrange(10**6),
        "out_msg_bytes": rng.randrange(10**7), "in_packets": rng.randrange(9000), "out_packets": rng.randrange(90_000),
        "in_packet_bytes": rng.randrange(10**6), "out_packet_bytes": rng.randrange(10**7),
        "device": rng.choice(DEVICES), "device_id": f"{rng.getrandbits(64):016x}", "version": rng.choice((4, 5)),
        "proxy_type_format": "本地连接", "leader_id": leader, "node_id": node,
    }  # fmt: skip


class Node:
    def __init__(self, number: int, rows: list[bytes], held: int, apis: list[str]) -> None:
        self.number, self.rows, self.held, self.apis = number, rows, held, apis

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                body = self.answer(head.split(b" ", 2)[1].decode())
                status = b"200 OK" if body else b"404 Not Found"
                writer.write(b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def answer(self, target: str) -> bytes:
        url = urlsplit(target)
        if url.path == "/cluster/simpleNodes":
            return json.dumps(
                {"data": [{"id": i, "api_server_addr": api, "online": 1, "is_leader": int(i == 1), "status": 3}
                          for i, api in enumerate(self.apis, start=1)]}
            ).encode()  # fmt: skip
        if url.path != "/connz":
            return b""
        query = parse_qs(url.query)
        offset, limit = int(query["offset"][0]), int(query["limit"][0])
        rows = b",".join(self.rows[offset : offset + limit])
        rest = json.dumps({"total": self.held, "offset": offset, "limit": limit})[1:].encode()
        return b'{"connections":[' + rows + b"]," + rest


async def main(count: int, nodes: int) -> None:
    rows, held = make_rows(count, nodes)
    apis: list[str] = []
    for number in range(nodes):
        node = Node(number + 1, rows[number], held[number], apis)
        server = await asyncio.start_server(node.serve, "127.0.0.1", 0)
        apis.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    print("\n".join(apis), end="\n\n", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
