"""A picture goes in, activations come out: architectures, weights, devices, memory.

Free of torch, since settings import the tables of architectures.
"""
