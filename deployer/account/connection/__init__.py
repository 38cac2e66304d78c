"""How an account is reached: one request after all its attempts, paced, and what can go wrong with it.

client     a request, until it is answered or given up
exchange   one attempt
retry      whether to try again, and when
brake      what all requests do together after an outage
pacing     token buckets for the limits of an account
failures   every way in which an attempt can fail, as a sentence
clean      what an answer must not bring further: our own key, half characters
uploads    a file, whole (spans) or in parts
"""
