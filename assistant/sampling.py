from assistant.engine.sampling import *  # noqa
