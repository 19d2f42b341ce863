"""The worker's part of `producers/effects.py`: all that it changes in Redis, at the broker and at Rokt.

What people start and read is not among them: the programs of a stack, files, logs, what a command prints. Celery's own
messages about its tasks are not either: no event depends on them.
"""

from __future__ import annotations

from producers.effects import EFFECTS, effect

EFFECTS.update(
    {
        # One call of a script each; what a settlement does has finer names that travel with it.
        "claim": "batches that are due become in flight, under a lease",
        "settle": "an attempt at a batch ends; delivered events are forgotten",
        "dead letter": "a settlement buries events",
        "split": "a settlement makes parts of a batch, halves or single events",
        "retry": "a settlement puts a batch back, its attempt spent",
        "give back": "a settlement puts a batch back as it was",
        "limit": "a settlement gives a batch back and holds its account for a time",
        "park": "a settlement gives a batch back and holds its account until its credentials change",
        "replay": "dead letters become batches again, and it is noted how far their replay has come",
        "enlist": "a replay is listed, before it begins",
        "begin": "a replay begins in a slot",
        "steer": "a replay is paused, resumed or cancelled in a slot",
        "discard": "dead letters are given up, or are known to be on another way",
        "edit": "another event takes the place of a dead letter's",
        "import": "dead letters come back from a file",
        "erase": "events of a person leave a batch, which becomes parts",
        "blank": "the text of a person's events goes, where no batch holds them any more",
        "audit": "what an operator did is noted",
        "pause": "an account or a slot is paused",
        "resume": "what is held goes on",
        # HTTP.
        "post": "a request goes to Rokt: events, or the question for a token",
        # The token of an app, shared by the fleet.
        "token lock": "one worker takes it upon itself to fetch a token",
        "token request": "the token endpoint gives out a token",
        "token keep": "a token is kept for the fleet",
        "token failure": "a failure to get a token is told to the fleet",
        "token failure over": "a failure is forgotten, since there is a token",
        "token unlock": "the next one may fetch a token",
        "token forget": "a token that was refused is forgotten",
        # Tasks, and signs of life.
        "dispatch": "a slot with work is noted as having a task on its way",
        "declare queue": "a queue of the broker comes into being, if it is not there",
        "send task": "a message to Celery says that a slot has work",
        "note task": "the note that a slot has a task under way is renewed",
        "drop note": "that note is taken back",
        "beat": "a worker says that it lives",
        "add up": "a task adds to the counters how long Redis took",
        "sample": "what was counted so far is noted for the charts, by one worker of the fleet",
        "leave": "a worker says that it ended in order",
        "check terms": "a worker notes the terms, if nobody has noted any",
        "end by force": "the children of a worker that hangs are killed",
        # The queue from which events come.
        "take": "messages go into the list of a take, under a lease",
        "end take": "messages that the buffer has are forgotten, the others go back to the queue",
        "restore takes": "messages whose take has lapsed go back to the queue",
        "restore noted": "a message that kombu had noted goes back to the queue",
        "reject": "messages without a valid event become dead letters of the intake",
        "receive": "a broker gives out messages, and notes who has them",
        "leave queue": "a broker gives out again what a reader has not acknowledged",
        "acknowledge": "a broker forgets a message that the buffer has",
        "intake letters lock": "one command takes it upon itself to replay letters of the intake",
        "intake letters unlock": "the next command may replay letters of the intake",
    }
)

__all__ = ["EFFECTS", "effect"]
