"""Sends a file with tuspy in chunks, each with its checksum, and prints its address."""

import json
import sys

from tusclient.client import TusClient

facts = json.loads(sys.argv[1])
client = TusClient(facts["url"], headers={"X-API-Key": facts["key"]})
uploader = client.uploader(
    facts["path"],
    chunk_size=4 * 1024 * 1024,
    metadata={"filename": facts["name"], "sha256": facts["sha256"]},
    upload_checksum=True,
    retries=60,
    retry_delay=0.25,
)
uploader.upload()
sys.stdout.write(str(uploader.url))
