"""The programs of the clients page, run as they stand, with the packages that they name, against a live gateway.

Each framework speaks through its own MCP client. Only the model is made up: one that calls a tool and then ends.
The packages are not Postroom's: uv brings them into an environment of its own, so these tests are `thorough`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import Any

import pytest

from core.cli.docs import pages
from tests.mcp.live_gateway import Live

PATIENCE = 300.0
PROGRAMS: list[str] = re.findall(r"```python\n(.*?)```", pages()["clients"].read_text(encoding="utf-8"), re.DOTALL)

RUNS = """
import ast, asyncio, inspect, json, sys
program = open(sys.argv[1]).read()
async def main():
    names = {}
    code = compile(program, sys.argv[1], "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    pending = eval(code, names)
    if inspect.isawaitable(pending):
        await pending
    print("ANSWER " + json.dumps(names["answer"]))
asyncio.run(main())
"""
ARGUMENTS = '{"to": ["client@example.com"], "subject": "From %s", "text": "Hello."}'

LANGCHAIN = """
by_name = {one.name: one for one in tools}
said = await by_name["send_email"].ainvoke({"type": "tool_call", "id": "1", "name": "send_email", "args": %s})
content = said.content if isinstance(said.content, str) else "".join(one["text"] for one in said.content)
answer = [sorted(by_name), content]
"""

OPENAI = """
    from agents import ModelResponse, Runner, Usage, set_tracing_disabled
    from agents.models.interface import Model
    from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText
    set_tracing_disabled(True)

    class Fake(Model):
        asked, offered = [], []
        async def get_response(self, system_instructions, input, model_settings, tools, *args, **more):
            self.asked.append(input)
            self.offered[:] = sorted(one.name for one in tools)
            if len(self.asked) == 1:
                part = ResponseFunctionToolCall(
                    type="function_call", call_id="1", name="send_email", arguments='''%s'''
                )
            else:
                text = ResponseOutputText(type="output_text", text="Done.", annotations=[])
                part = ResponseOutputMessage(
                    id="m", type="message", role="assistant", status="completed", content=[text]
                )
            return ModelResponse(output=[part], usage=Usage(), response_id=None)
        def stream_response(self, *args, **more):
            raise NotImplementedError

    agent.model = Fake()
    await Runner.run(agent, "Say hello.")
    (result,) = [one for one in agent.model.asked[-1] if one.get("type") == "function_call_output"]
    answer = [agent.model.offered, result["output"] if isinstance(result["output"], str) else str(result["output"])]
"""

ADK = """
from google.adk.models import BaseLlm, LlmResponse
from google.adk.runners import InMemoryRunner
from google.genai import types
import json as _json

class Fake(BaseLlm):
    model: str = "fake"
    async def generate_content_async(self, llm_request, stream=False):
        seen.append(llm_request)
        if len(seen) == 1:
            call = types.FunctionCall(name="send_email", args=_json.loads('''%s'''))
            part = types.Part(function_call=call)
        else:
            part = types.Part(text="Done.")
        yield LlmResponse(content=types.Content(role="model", parts=[part]))

seen = []
agent.model = Fake()
runner = InMemoryRunner(agent=agent, app_name="support")
await runner.session_service.create_session(app_name="support", user_id="u", session_id="s")
hello = types.Content(role="user", parts=[types.Part(text="Say hello.")])
async for _ in runner.run_async(user_id="u", session_id="s", new_message=hello):
    pass
said = [p.function_response.response for c in seen[-1].contents for p in c.parts if p.function_response]
answer = [sorted(seen[0].tools_dict), _json.dumps(said[0])]
await runner.close()
"""


def bring(*packages: str) -> list[str]:
    """How to run Python with packages that Postroom itself does not need; skips where they cannot be had."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed: it brings the client's own packages")
    run = [uv, "run", "--quiet", "--no-project", "--isolated", *(f"--with={one}" for one in packages), "python"]
    brought = subprocess.run([*run, "-c", ""], capture_output=True, text=True, timeout=PATIENCE, check=False)
    if brought.returncode != 0:
        pytest.skip(f"{packages[0]} cannot be installed here: {brought.stderr.strip()[-300:]}")
    return run


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("imports", "packages", "more"),
    [
        ("langchain_mcp_adapters", ("langchain-mcp-adapters>=0.3,<0.4",), LANGCHAIN),
        ("from agents", ("openai-agents>=0.24,<1",), OPENAI),
        ("google.adk", ("google-adk[mcp]>=2.13,<3",), ADK),
    ],
    ids=["langchain", "openai-agents", "google-adk"],
)  # fmt: skip
def test_the_program_of_the_page_lists_the_tools_and_sends(
    live: Live, tmp_path: Any, imports: str, packages: tuple[str, ...], more: str
) -> None:
    (program,) = [one for one in PROGRAMS if imports in one]
    assert program.count("https://desk.acme.com/mcp") == 1
    framework = packages[0].partition(">")[0]
    script = tmp_path / "program.py"
    script.write_text(program.replace("https://desk.acme.com/mcp", f"{live.url}/mcp") + more % (ARGUMENTS % framework))
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    ended = subprocess.run(
        [*bring(*packages), "-c", RUNS, str(script)], env=env | {"POSTROOM_TOKEN": live.token("gated")},
        capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    offered, said = json.loads(ended.stdout.rpartition("ANSWER ")[2])
    assert {"send_email", "reply_email", "read_email", "my_mailbox"} <= set(offered)
    assert "request_mailbox" not in offered, "the token does not open it"
    assert "Held for a person. Do not send it again" in said
    message = re.search(r"m[0-9a-hjkmnp-tv-z]{13}", said)
    assert message is not None
    with live.store.read() as conn:
        found = conn.exec_driver_sql("SELECT subject FROM message ORDER BY id DESC LIMIT 1").scalar()
    assert found == f"From {framework}"
