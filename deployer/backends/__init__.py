"""Where live objects are: what executes operations on one place and reads what is there.

account     what is live on an account, read
validate    what an answer must look like to be compared
http        the HTTP backend
"""
