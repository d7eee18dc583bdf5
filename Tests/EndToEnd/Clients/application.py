#!/usr/bin/python3
"""An application for real clients, by Debian's python3-websockets: HTTP, WebSocket, and a page for a browser.

    application.py PORT        serves until it is killed; prints what a browser reports
    application.py ws URL      plays a WebSocket client against URL and prints "ok"

Paths: /healthz, / (the page), /text?n=BYTES, /verdict?TEXT (printed), /ws (echoes messages).
"""
import asyncio
import http
import sys
import urllib.parse

import websockets

PAGE = """<!doctype html><title>troop</title><script>
async function run() {
  const texts = await Promise.all([...Array(20).keys()].map(
    n => fetch("/text?n=" + (n * 5000 + 1)).then(answer => answer.text())));
  texts.forEach((text, n) => { if (text !== "x".repeat(n * 5000 + 1)) throw new Error("text " + n) });
  const socket = new WebSocket("ws://" + location.host + "/ws");
  socket.binaryType = "arraybuffer";
  await new Promise((done, fail) => { socket.onopen = done; socket.onerror = fail });
  for (const size of [0, 1, 125, 126, 65535, 65536, 300000]) {
    const sent = new Uint8Array(size).fill(size % 251);
    const got = await new Promise(done => { socket.onmessage = event => done(event.data); socket.send(sent) });
    const bytes = new Uint8Array(got);
    if (bytes.length !== size || bytes.some(byte => byte !== size % 251)) throw new Error("message " + size);
  }
  const end = new Promise(done => { socket.onclose = done });
  socket.close(4001, "enough");
  const event = await end;
  if (event.code !== 4001 || !event.wasClean) throw new Error("close " + event.code);
  return "ok";
}
run().catch(error => "failed: " + error.message).then(text => fetch("/verdict?" + encodeURIComponent(text)));
</script>"""


async def plain(path, _headers):
    """Answers everything but /ws."""
    address = urllib.parse.urlsplit(path)
    if address.path == "/ws":
        return None
    kind = [("Content-Type", "text/html; charset=utf-8")]
    if address.path == "/healthz":
        return http.HTTPStatus.OK, kind, b"ok"
    if address.path == "/":
        return http.HTTPStatus.OK, kind, PAGE.encode()
    if address.path == "/text":
        count = int(urllib.parse.parse_qs(address.query)["n"][0])
        return http.HTTPStatus.OK, kind, b"x" * count
    if address.path == "/verdict":
        print("verdict:", urllib.parse.unquote(address.query), flush=True)
        return http.HTTPStatus.OK, kind, b"thanks"
    return http.HTTPStatus.NOT_FOUND, kind, b"no such path"


async def echo(socket):
    """Sends every message back."""
    try:
        async for message in socket:
            await socket.send(message)
    except websockets.ConnectionClosedError:
        pass  # it ended with a code of the client's own


async def serve(port):
    """Listens until it is killed."""
    async with websockets.serve(echo, "127.0.0.1", port, process_request=plain, max_size=1 << 24):
        print("listens", flush=True)
        await asyncio.Future()


async def play(url):
    """Messages of every size and kind, in fragments, compressed or not, pings, a proper end."""
    for compression in (None, "deflate"):
        async with websockets.connect(url, compression=compression, max_size=1 << 24) as socket:
            for size in (0, 1, 125, 126, 127, 65535, 65536, 1 << 20):
                text = "é" * size
                await socket.send(text)
                assert await socket.recv() == text, size
                data = bytes(index % 251 for index in range(size))
                await socket.send(data)
                assert await socket.recv() == data, size
            await socket.send(["three ", "frag", "ments"])
            assert await socket.recv() == "three fragments"
            await asyncio.wait_for(await socket.ping(), 5)
            for number in range(200):
                await socket.send(str(number))
            for number in range(200):
                assert await socket.recv() == str(number)
            await socket.close(4000, "enough")
            assert socket.close_code == 4000, socket.close_code
    sockets = [await websockets.connect(url) for _ in range(20)]
    await asyncio.gather(*(socket.send(str(number)) for number, socket in enumerate(sockets)))
    answers = await asyncio.gather(*(socket.recv() for socket in sockets))
    assert answers == [str(number) for number in range(20)], answers
    await asyncio.gather(*(socket.close() for socket in sockets))
    print("ok")


if __name__ == "__main__":
    if sys.argv[1] == "ws":
        asyncio.run(play(sys.argv[2]))
    else:
        asyncio.run(serve(int(sys.argv[1])))
