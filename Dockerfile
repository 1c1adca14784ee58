# docker build -t grounding .
# docker run --rm -v "$PWD:/work" grounding run --config 7
# docker run --rm -p 8000:8000 -v "$PWD:/work" grounding serve --host 0.0.0.0

# The wheel, pages included; they need node, the rest does not.
FROM node:20-bookworm-slim AS pages
FROM python:3.11-slim-bookworm AS wheel
COPY --from=pages /usr/local /usr/local/node
ENV PATH=/usr/local/node/bin:$PATH GROUNDING_REQUIRE_PAGES=1
WORKDIR /source
COPY . .
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM python:3.11-slim-bookworm
# PyTorch is taken as pip finds it: --build-arg PIP_EXTRA_INDEX_URL=... names an index that has it
# without CUDA, which saves gigabytes. All else is compared with its hash.
ARG PIP_EXTRA_INDEX_URL=
COPY constraints.txt requirements.lock /install/
COPY --from=wheel /wheel /install/wheel
RUN pip install --no-cache-dir -c /install/constraints.txt torch \
  && pip install --no-cache-dir --require-hashes --no-deps -r /install/requirements.lock \
  && pip install --no-cache-dir --no-deps /install/wheel/*.whl \
  && rm -r /install
RUN useradd --create-home grounding
USER grounding
WORKDIR /work
ENTRYPOINT ["grounding"]
CMD ["--help"]
