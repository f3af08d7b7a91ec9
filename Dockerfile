# 一个镜像，三种用法：serve（接口）、worker（后台任务）、migrate（更新表结构）。
# One image, three uses: `serve` (the API), `worker` (background jobs), `migrate` (schema; run once per release, first).
# The database is a PostgreSQL server of yours: set AID_DATABASE_URL. See docs/operations.md for the other settings.

FROM python:3.13-slim AS builder
WORKDIR /build
COPY pyproject.toml requirements.lock ./
# What the service needs to run, and nothing of the development tools, each at the locked version with its hash.
RUN pip install --no-cache-dir "uv==$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements.lock)" \
    && python -m venv --without-pip /opt/venv \
    && uv pip install --no-cache --python /opt/venv/bin/python --require-hashes \
       --requirements pyproject.toml --constraints requirements.lock

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin aid
WORKDIR /srv/aid
COPY --from=builder /opt/venv /opt/venv
# The migrations (alembic/) stand beside the package, not in it, so the tree is copied and run from where it lies.
COPY alembic.ini ./
COPY alembic alembic
COPY tools/redraw_sample.py tools/
COPY app app
ENV PATH="/opt/venv/bin:$PATH" PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m compileall -q app alembic
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "app.cli"]
CMD ["serve", "--host", "0.0.0.0"]
