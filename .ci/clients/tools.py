"""The official MCP client for Python against `simlab serve` and `simlab mcp`: each way to begin, both tools, the transports.

Usage: python tools.py PATH_TO_SIMLAB; needs `mcp` from PyPI, as `.ci/lock/clients.in` brings it.
"""

import asyncio
import json
import subprocess
import sys
import urllib.request
from importlib.metadata import version

from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client

process = subprocess.Popen([sys.argv[1], "serve", "security"], stdout=subprocess.PIPE, text=True)
base = json.loads(process.stdout.readline())["listening"]
TOOLS = (("arxiv", "search_papers", "max_results"), ("semantic-scholar", "search_semantic_scholar", "num_results"))


def fault(**rule):
    body = json.dumps({"faults": [rule] if rule else []}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{base}/_simlab/faults", body, {"content-type": "application/json"}, method="PUT")).read()


async def check(target, mode, name, count, negotiated):
    async with Client(target, mode=mode) as client:
        assert client.protocol_version == negotiated, client.protocol_version
        listed = (await client.list_tools()).tools
        assert [tool.name for tool in listed] == [name] and count in listed[0].input_schema["properties"]
        found = await client.call_tool(name, {"query": "Q-Learning", count: 3})
        assert not found.is_error and len(found.content[0].text) > 100, found
        try:
            await client.call_tool("other", {})
        except MCPError as error:
            assert error.code == -32602, error
        else:
            raise AssertionError("an unknown tool was called")


async def failing(mode):
    """A fault of the transport reaches the app as an error, and the next call is answered."""
    async with Client(f"{base}/mcp/arxiv", mode=mode) as client:
        fault(fault="server_error", status=503, next=1, on=["mcp"])
        try:
            await client.call_tool("search_papers", {"query": "SARSA"})
        except MCPError:
            pass
        else:
            raise AssertionError("the fault did not come")
        assert not (await client.call_tool("search_papers", {"query": "SARSA"})).is_error
    fault()


async def main():
    for mode, negotiated in (("auto", "2026-07-28"), ("2026-07-28", "2026-07-28"), ("legacy", "2025-11-25")):
        for service, name, count in TOOLS:
            await check(f"{base}/mcp/{service}", mode, name, count, negotiated)
            if mode != "2026-07-28":
                command = StdioServerParameters(command=sys.argv[1], args=["mcp", service])
                await check(stdio_client(command), mode, name, count, negotiated)
        await failing(mode)


try:
    asyncio.run(main())
    print(f"mcp {version('mcp')}: both tools over HTTP and standard input, with and without a handshake, and faults")
finally:
    process.terminate()
    process.wait(15)
