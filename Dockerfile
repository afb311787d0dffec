# syntax=docker/dockerfile:1
# One process of the service; ROLES says which (api, worker, updates, portal). It needs DATABASE_URL and MASTER_KEY_FILE.
# The two base images are pinned by exact version; a release pins them by digest too (docs/operations.md, "Releases").

FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json runtime.sh ./
COPY packages/receiver/package.json packages/receiver/
COPY packages/server/package.json packages/server/
COPY packages/cli/package.json packages/cli/
COPY packages/portal/package.json packages/portal/
COPY docs/package.json docs/
# the image has Node, and its PostgreSQL is another container: nothing optional is needed
RUN npm ci --omit=dev --omit=optional --ignore-scripts --workspace packages/server --workspace packages/receiver
RUN npm sbom --omit dev --package-lock-only --sbom-format cyclonedx > sbom.cdx.json
COPY packages/receiver packages/receiver
COPY packages/server packages/server
COPY examples/listen.ts examples/
RUN rm -rf packages/server/test packages/server/rigs packages/receiver/test packages/receiver/rigs \
  && find packages -name '*.test.ts' -delete

FROM node:24.21.0-bookworm-slim AS pages
WORKDIR /app
COPY package.json package-lock.json runtime.sh ./
COPY packages packages
COPY docs docs
COPY CHANGELOG.md ./
RUN npm ci --ignore-scripts && npm run -s build

FROM node:24.21.0-bookworm-slim
LABEL org.opencontainers.image.title="ProducerSync" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.documentation="docs/operations.md" \
  org.producersync.sbom="/app/sbom.cdx.json"
ENV NODE_ENV=production PORT=8080 ADMIN_PORT=8081 PSAPI_SERVER_HOST=0.0.0.0 PSAPI_SERVER_ADMIN_HOST=0.0.0.0
WORKDIR /app
COPY --from=build --chown=root:root /app /app
# sources and what was built of them: a process looks whether they belong together (docs/decisions/0044)
COPY --from=pages --chown=root:root /app/packages/portal /app/packages/portal
COPY --from=pages --chown=root:root /app/packages/cli/README.md /app/packages/cli/README.md
COPY --from=pages --chown=root:root /app/docs /app/docs
COPY --from=pages --chown=root:root /app/CHANGELOG.md /app/CHANGELOG.md
# the file system is read-only to it: all state is in the database
USER 10001:10001
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.ADMIN_PORT}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "packages/server/src/main.ts"]
