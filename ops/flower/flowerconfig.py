"""Flower's configuration, which `celery -A worker flower` reads by itself.

Every option of Flower may be set here by its name; Flower's own variables, another file (`--conf=FILE`) and the command
line win over this file. What differs between machines is read from the environment (.env.example): address, port,
logins, the console's address. `worker/flower/guard.py` sees to it that nothing but /healthcheck is answered without a
login, and a viewer's changes nothing. Flower keeps no state on disk: it shows what it heard since it was started.
"""

from producers.errors import ConfigurationError
from worker import logs
from worker.flower.logins import logins
from worker.flower.showing import format_task  # noqa: F401 - an option: how a task is shown
from worker.settings import flower_settings, log_settings

try:
    _settings = flower_settings()
    basic_auth = logins(_settings).basic_auth
    _level, _format = log_settings()
except ConfigurationError as fault:
    raise SystemExit(f"forwarder: {fault}") from None

address = _settings.flower_address
port = _settings.flower_port

tasks_columns = "name,state,args,result,exception,received,runtime,worker"
natural_time = False  # one may compare it with the log
auto_refresh = True

max_tasks = _settings.flower_max_tasks  # about 3 kB each; the oldest are forgotten
max_workers = 500
purge_offline_workers = 3_600  # seconds after which a worker that is gone is no longer shown
persistent = False

enable_events = True
inspect_timeout = 1_000.0  # milliseconds

logging = _level.lower()
logs.configure(_level, _format)
