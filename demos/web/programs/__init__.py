"""The ways in for programs: gradio's named endpoints, REST, and an MCP server; all of them are one service."""
