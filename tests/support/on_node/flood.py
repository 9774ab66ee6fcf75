"""HOST CLIENTS POSTS BYTES: as many clients, each at an address of its own, post as many tasks of that size.

Prints JSON: how often each status was answered, the ids of accepted tasks, and every answer that was not as promised.
"""

import http.client
import json
import socket
import ssl
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

host, clients, posts, size = sys.argv[1], *map(int, sys.argv[2:])
context = ssl._create_unverified_context()
# Solved at once: nearly all of it is a comment.
body = json.dumps({"monomers": [["a", "# " + "x" * (size - 24)]]}).encode()
statuses, tasks, wrong = Counter(), [], []


def post(source):
    connection = http.client.HTTPSConnection(host, timeout=120)
    raw = socket.create_connection(("127.0.0.1", 443), timeout=120, source_address=(source, 0))
    connection.sock = context.wrap_socket(raw, server_hostname=host)
    connection.request("POST", "/task", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    statuses[answer.status] += 1
    said = json.loads(text)
    if answer.status == 202:
        tasks.append(said["task_id"])
    elif not (said["message"] and int(answer.headers["Retry-After"]) > 0):
        wrong.append((answer.status, said))


def client(number):
    for _ in range(posts):
        post(f"127.0.1.{number + 1}")


with ThreadPoolExecutor(clients) as pool:
    list(pool.map(client, range(clients)))
print(json.dumps({"statuses": statuses, "tasks": tasks, "wrong": wrong}))
