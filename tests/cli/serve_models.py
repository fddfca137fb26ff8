"""Two models of which one may be in memory, and one is broken. serve_models.py URL FOLDER WEIGHTS: the broken one is
FOLDER/late; WEIGHTS would make it whole."""

import http.client
import json
import shutil
import sys
import threading
import time
import urllib.error
import urllib.request

url, folder, weights = sys.argv[1:]


def send(path, body=None):
    request = urllib.request.Request(url + path, data=None if body is None else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def ask(model, **more):
    status, headers, text = send("/v1/completions", {"model": model, "prompt": "Once", "max_tokens": 3, "temperature": 0, **more})
    return status, headers, json.loads(text)


def states():
    return {m["id"]: m["status"] for m in json.loads(send("/v1/models")[2])["data"]}


def wait_for(holds):
    for _ in range(300):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("it does not happen: %s" % states())


# ---- a broken model
assert send("/ready")[0] == 200 and states() == {"small": "unloaded", "late": "unloaded"}
whole = ask("small")[2]["choices"][0]["text"]
for _ in range(2):
    status, _, answer = ask("late")
    assert status == 500 and answer["error"]["code"] == "model_not_loaded" and folder not in json.dumps(answer), answer
assert states() == {"small": "unloaded", "late": "failed"}  # it had to make room
assert ask("small")[2]["choices"][0]["text"] == whole
shutil.copy(weights, folder + "/late/model.safetensors")
assert json.loads(send("/v1/models/reload", {"model_id": "late"})[2])["status"] == "loaded"  # at once, and not later
assert ask("late")[2]["choices"][0]["text"] == whole and states() == {"small": "unloaded", "late": "loaded"}


# ---- a model in use keeps its place; a client that leaves gives it back
def counted(name):
    return sum(float(line.split()[-1]) for line in send("/metrics")[2].splitlines() if line.startswith(name))

host, port = url[len("http://"):].split(":")
clients = [http.client.HTTPConnection(host, int(port), timeout=60) for _ in range(4)]
body = {"model": "late", "prompt": "Once", "max_tokens": 250, "temperature": 0, "ignore_eos": True, "n": 128}
for client in clients:
    client.request("POST", "/v1/completions", json.dumps(body))
wait_for(lambda: counted('bora_requests_running{model="late"') > 0)
before = counted('bora_answers_total{model="late",finish_reason="cancelled"')
others = []
thread = threading.Thread(target=lambda: others.append(ask("small")[0]))
thread.start()
time.sleep(0.1)
assert states()["late"] == "loaded"
for client in clients:
    client.close()
thread.join()
assert others == [200]
assert counted('bora_answers_total{model="late",finish_reason="cancelled"') > before

# ---- unloading while it is in use: what runs is finished, what comes waits
results = []
threads = [threading.Thread(target=lambda: results.append(ask("small", max_tokens=60, ignore_eos=True)[::2])) for _ in range(8)]
for thread in threads:
    thread.start()
for _ in range(5):
    assert send("/v1/models/unload", {"model_id": "small"})[0] == 200
for thread in threads:
    thread.join()
assert [status for status, _ in results] == [200] * 8, results
wait_for(lambda: send("/v1/models/unload", {"model_id": "small"})[0] == 200 and states()["small"] == "unloaded")
