"""The Web API methods; importing this package fills the registry."""

from sandbox.workspace.methods import chat, conversations, extras, history, people, views
from sandbox.workspace.methods.registry import METHODS, Method

__all__ = ["METHODS", "Method", "chat", "conversations", "extras", "history", "people", "views"]
