"""A local page to see what a project has deployed, to talk to it, and to try its searches and functions.

observer   what is on disk and on the account, looked at again and again while somebody listens
view       what the page shows of a plan, as JSON data
talks      conversations that are held open: turns, forms that answer functions, stop, edit and resend
written    a conversation as a transcript, and as a test
tryouts    a search in a store, the text of a document, arguments against a function's schema
guard      who may ask: this machine, this page, with the token
app        the endpoints
listener   the server on a loopback port
page/      the page itself: plain ES modules, a style sheet and one HTML file, served as they are
"""

from deployer.playground.listener import serve_page

__all__ = ["serve_page"]
