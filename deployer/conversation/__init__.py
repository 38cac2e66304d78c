"""Talking to what is deployed: one interface, three faces.

talk         say something, answer the calls of functions, until the turn is over
faces        Assistants threads, Responses and Agents sessions behind one interface
answers      what answers a call: a handler, a file, a person by a form
transcript   a conversation as a value, as Markdown and as JSON
happenings   what happens in a conversation, as values
"""

from deployer.conversation.answers import AnswerCall, by_form, first_of, from_handlers, from_outputs
from deployer.conversation.happenings import (
    Attachment,
    Citation,
    ConversationNamed,
    FunctionAnswer,
    FunctionAnswered,
    FunctionCall,
    Happening,
    MessageSaid,
    StepDone,
    TextPiece,
    TurnEnded,
)
from deployer.conversation.talk import FACES, talk
from deployer.conversation.transcript import Transcript

__all__ = [
    "FACES",
    "AnswerCall",
    "Attachment",
    "Citation",
    "ConversationNamed",
    "FunctionAnswer",
    "FunctionAnswered",
    "FunctionCall",
    "Happening",
    "MessageSaid",
    "StepDone",
    "TextPiece",
    "Transcript",
    "TurnEnded",
    "by_form",
    "first_of",
    "from_handlers",
    "from_outputs",
    "talk",
]
