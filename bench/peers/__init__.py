"""Adapters to the field's other implementations of our metrics, run from the user's own checkouts of them.

None of their code stands here. Each file of this folder drives one of them; `checkouts.py` says which commit of each
is meant and where it is looked for.
"""
