"""An account behind HTTP: one request after all its attempts, paced, and what can go wrong with it.

client     a request, until it is answered or given up
exchange   one attempt
retry      whether to try again, and when
circuit    what all requests do together after an outage
pacing     token buckets for the limits of an account
failures   every way in which an attempt can fail, as a sentence
redact     what an answer must not bring further: the account's key, half characters
pages      a list, page by page
uploads    a file, whole or in parts
lease      the lease that keeps a second run out
"""
