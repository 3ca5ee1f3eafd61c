import torch
from hypothesis import settings

# Two threads on a busy machine are many times slower than one on nets of this size.
torch.set_num_threads(1)

# No deadline and a fixed seed: a slow machine or a lucky draw must not change what the tests say.
settings.register_profile("identikit", deadline=None, max_examples=25, derandomize=True, database=None)
settings.load_profile("identikit")
