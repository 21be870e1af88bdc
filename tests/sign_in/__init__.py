"""Tests of sign-in and rights. One module for each way to sign in, and each effect of rights."""
