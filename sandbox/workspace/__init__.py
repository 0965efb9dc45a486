"""An emulator of a Slack workspace that refuses what Slack refuses.

Web API, Socket Mode and signed HTTP for the app; a browser page and a control API for people
and tests. `server.Workspace` wires it; `client.WorkspaceClient` is for tests.
"""

from sandbox.workspace.client import WorkspaceClient, WorkspaceError
from sandbox.workspace.server import Settings, Workspace

__all__ = ["Settings", "Workspace", "WorkspaceClient", "WorkspaceError"]
