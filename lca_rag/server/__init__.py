"""Doors over the network: HTTP with an OpenAI-compatible side, a chat page, and MCP."""
