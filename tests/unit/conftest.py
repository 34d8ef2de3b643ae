from hypothesis import settings

# No deadline: how long one example takes says more about the machine than about the code.
settings.register_profile("unit", deadline=None, max_examples=60)
settings.load_profile("unit")
