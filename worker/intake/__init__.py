"""Takes events from the queue `<prefix>.events` of the broker: a line of `forwarder enqueue` as a message's body.

`step` runs a reader in a worker: `redis_reader` where the broker is a Redis, else `kombu_reader`. Both hand what they
read over to the buffer (`hand_over`) or to the dead letters of `intake` (`letters`); only then do they remove it.
"""
