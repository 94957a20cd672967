#!/usr/bin/env bash
# Packages: launchdarkly-server-sdk-ai 1.2.0, launchdarkly-server-sdk 9.16.1, typing_extensions 4.15.0 (PyPI).
# Expected: a resumption token hands a run over to another process: its events look like those of the first tracker, and what a
#   tracker sends once (feedback) is sent once for the run.
# Found: the run id, the config and the variation are handed over. The model and the provider are not: both are empty texts in the
#   events of the second tracker. The second tracker also starts with nothing recorded, so one run has a positive and a negative
#   feedback event; the first tracker alone refuses the second feedback. Count feedback by run id, and take the model from other events.
# Output seen: $ld:ai:feedback:user:positive m-1, $ld:ai:feedback:user:negative with an empty modelName, one runId
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check \
  launchdarkly-server-sdk==9.16.1 launchdarkly-server-sdk-ai==1.2.0 typing_extensions==4.15.0
"$dir/venv/bin/python" - <<'PY'
import logging
import sys

import ldclient
from ldai import LDAIClient
from ldai.tracker import FeedbackKind, LDAIConfigTracker
from ldclient import Config, Context
from ldclient.integrations.test_data import TestData

logging.disable(logging.CRITICAL)
sent = []


class Keep:
    def __init__(self, config, *rest, **named):
        pass

    def send_event(self, event):
        sent.append(event)

    def flush(self):
        pass

    def stop(self):
        pass


value = {
    "_ldMeta": {"enabled": True, "variationKey": "v1", "version": 3, "mode": "agent"},
    "model": {"name": "m-1"},
    "provider": {"name": "OpenAI"},
    "instructions": "Answer.",
}
data = TestData.data_source()
data.update(data.flag("chat").variations(value).variation_for_all(0))
client = ldclient.LDClient(Config("sdk-key", update_processor_class=data, event_processor_class=Keep))
user = Context.create("user-1")
tracker = LDAIClient(client).agent_config("chat", user).create_tracker()
tracker.track_feedback({"kind": FeedbackKind.Positive})
tracker.track_feedback({"kind": FeedbackKind.Negative})
later = LDAIConfigTracker.from_resumption_token(tracker.resumption_token, client, user).value
later.track_feedback({"kind": FeedbackKind.Negative})

feedback = [event for event in sent if getattr(event, "key", "").startswith("$ld:ai:feedback")]
for event in feedback:
    print(event.key, repr(event.data["modelName"]), repr(event.data["providerName"]))
as_found = (
    [event.key.rsplit(":", 1)[1] for event in feedback] == ["positive", "negative"]
    and [event.data["modelName"] for event in feedback] == ["m-1", ""]
    and [event.data["providerName"] for event in feedback] == ["OpenAI", ""]
    and len({event.data["runId"] for event in feedback}) == 1
)
print("one run id" if as_found else "", "as found" if as_found else "changed", sep="; ")
sys.exit(0 if as_found else 1)
PY
