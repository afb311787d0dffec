"""What a customer's back end does, through the official Python SDK."""
import os
import time

from svix.api import ApplicationIn, EndpointIn, MessageIn, MessageListOptions, Svix, SvixOptions
from svix.webhooks import Webhook

svix = Svix(os.environ["TOKEN"], SvixOptions(server_url=os.environ["SERVER_URL"]))
app = svix.application.create(ApplicationIn(name="Python", uid="python"))
assert svix.application.get("python").id == app.id
assert any(each.id == app.id for each in svix.application.list().data)

endpoint = svix.endpoint.create("python", EndpointIn(url=os.environ["RECEIVER_URL"], uid="main"))
secret = svix.endpoint.get_secret("python", "main").key
message = svix.message.create("python", MessageIn(event_type="python.sent", event_id="one", payload={"n": 1}))
assert svix.message.get("python", "one").id == message.id
assert len(svix.message.list("python", MessageListOptions(limit=5)).data) == 1

for _ in range(200):
    attempts = svix.message_attempt.list_by_msg("python", message.id).data
    if attempts:
        break
    time.sleep(0.05)
assert [attempt.endpoint_id for attempt in attempts] == [endpoint.id]
svix.message_attempt.resend("python", message.id, "main")

webhook = Webhook(secret)
assert webhook.sign is not None
svix.endpoint.delete("python", "main")
svix.application.delete("python")
