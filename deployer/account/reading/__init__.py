"""What is live.

read       the objects of every kind, and the documents of our stores
lists      one list, from beginning to end
pages      its pages beside each other, never otherwise than in sequence
cursors    where the pages began the last time
shapes     what an answer must look like to be compared
contents   what an account holds of documents, whoever put them there
missing    documents whose File object is gone
proof      which foreign documents are declared files
orphans    File objects of ours that nobody holds
"""
