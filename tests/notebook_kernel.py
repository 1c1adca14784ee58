"""The kernel's end of both widgets of a run, and their channels as lines of JSON.

    python notebook_kernel.py NAME        where artifacts/ lies

In: what a front end sends, {"comm", "data", "buffers"}; and {"set": {trait: value}}, as a person
does with the view in a cell, which {"selected"} answers.
Out: what widgets send, {"comm", "data", "buffers"}, the buffers as base64; first both are opened,
the view and the playground.
"""

import json
import sys
from base64 import b64encode

import comm

import grounding


class Lines(comm.base_comm.BaseComm):
    """A channel that ends at standard output."""

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **_):
        """Write a message in a line."""
        parts = [b64encode(part).decode() for part in buffers or []]
        print(json.dumps({"comm": self.comm_id, "data": data, "buffers": parts}), flush=True)


comm.create_comm = Lines
run = grounding.load(sys.argv[1])
view = run.view()
widgets = {one.comm.comm_id: one for one in (view, run.playground())}
for line in sys.stdin:
    message = json.loads(line)
    if "set" in message:
        for trait, value in message["set"].items():
            setattr(view, trait, value)
        print(json.dumps({"selected": view.selected.tolist()}), flush=True)
    else:
        widgets[message["comm"]].comm.handle_msg(
            {"content": {"data": message["data"]}, "buffers": []}
        )
