"""AWS as moto simulates it, made as strict and as slow as AWS is: the estate's account.

`part` is what the world starts; `serving` is the server alone, for tests of anything that speaks to
AWS.  Moto and what it needs are loaded when a server is opened, not before.
"""
