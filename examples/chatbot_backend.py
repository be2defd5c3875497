"""A chatbot backend: serve an index, and talk to it with the plain `openai` client.

    pip install openai -e '.[server]'
    python examples/chatbot_backend.py

For a real deployment run `lca-rag serve --index my.lca --keys keys.toml`.
"""

from __future__ import annotations

import socket
import tempfile
import threading
import time

import openai
import uvicorn

from lca_rag import Index, demo, load_encoder, read
from lca_rag.operations import Workspace
from lca_rag.server.app import create_app

QUESTION = "How much electricity does primary aluminium production in China take?"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        location = f"{folder}/demo.lca"
        with Index.open(location, encoder=load_encoder()) as index:
            index.sync(read(demo.path(), database="demo"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        config = uvicorn.Config(create_app(Workspace(location)), port=port, log_level="warning")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        with openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none") as client:
            stream = client.chat.completions.create(
                model="lca-rag", messages=[{"role": "user", "content": QUESTION}], stream=True
            )
            for chunk in stream:
                if chunk.choices:
                    print(chunk.choices[0].delta.content or "", end="")
        print()
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    main()
