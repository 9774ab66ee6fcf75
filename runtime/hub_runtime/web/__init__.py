"""The one look of all pages: templates, one style sheet, one small script, icons and charts.

Pages are rendered on the server and need no script to be read. Nothing in them is inline or comes from elsewhere, so
the policy that goes with them (`policy.py`) allows neither.
"""
