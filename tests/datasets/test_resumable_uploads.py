"""Files arrive in pieces by tus 1.0.0, stay the sender's own, and become imports."""

import base64
import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from apps.accounts.models import AuditEntry, User
from apps.common.keeping import purge_products
from apps.datasets.models import Upload
from apps.datasets.periodic import prune_datasets
from apps.datasets.storage.upload_locks import held_by
from apps.datasets.upload_pruning import drop_lost_files, expire_uploads
from apps.datasets.upload_services import OPEN_MAX
from tests.datasets.sending import CONTENT, SHA256, URL, begin, code, look, metadata, send
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db


def test_a_file_sent_in_pieces_is_complete_with_its_last_byte(actors: Actors) -> None:
    told = metadata(filename="a/b/events.csv", filetype="text/csv", sha256=SHA256, other="ignored")
    begun = begin(actors.analyst, headers={"Upload-Metadata": told})
    address = begun["Location"]
    assert (begun.status_code, begun["Upload-Offset"], begun["Tus-Resumable"]) == (201, "0", "1.0.0")
    assert "GMT" in begun["Upload-Expires"]

    first = send(actors.analyst, address, 0, CONTENT[:50])
    assert (first.status_code, first["Upload-Offset"]) == (204, "50")
    seen = look(actors.analyst, address)
    assert (seen["Upload-Offset"], seen["Upload-Length"]) == ("50", str(len(CONTENT)))
    assert seen["Cache-Control"] == "no-store"
    assert seen["Upload-Metadata"] == metadata(filename="events.csv", filetype="text/csv", sha256=SHA256)

    assert send(actors.analyst, address, 50, CONTENT[50:]).status_code == 204
    row = actors.analyst.api.get(address).json()
    assert (row["state"], row["sha256"], row["name"]) == ("complete", SHA256, "events.csv")
    with default_storage.open(Upload.objects.get().storage_name) as file:
        assert file.read() == CONTENT


def test_bytes_that_do_not_follow_are_refused(actors: Actors) -> None:
    address = begin(actors.analyst)["Location"]
    send(actors.analyst, address, 0, CONTENT[:50])

    refused = send(actors.analyst, address, 40, CONTENT[40:])

    assert code(refused) == (409, "datasets.upload_offset")
    assert look(actors.analyst, address)["Upload-Offset"] == "50"
    assert code(send(actors.analyst, address, 50, CONTENT)) == (413, "datasets.upload_too_long")
    assert send(actors.analyst, address, 50, CONTENT[50:]).status_code == 204


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_bytes_of_another_checksum_are_dropped(actors: Actors, algorithm: str) -> None:
    address = begin(actors.analyst)["Location"]
    digest = base64.b64encode(hashlib.new(algorithm, CONTENT[:50]).digest()).decode()
    checksum = {"Upload-Checksum": f"{algorithm} {digest}"}

    refused = send(actors.analyst, address, 0, CONTENT[1:51], **checksum)
    assert code(refused) == (460, "datasets.upload_corrupted")
    assert refused.json()["status"] == 460
    assert look(actors.analyst, address)["Upload-Offset"] == "0"

    assert send(actors.analyst, address, 0, CONTENT[:50], **checksum).status_code == 204


def test_a_second_writer_is_turned_away(actors: Actors) -> None:
    address = begin(actors.analyst)["Location"]

    with held_by(Upload.objects.get().pk):
        refused = send(actors.analyst, address, 0, CONTENT)

    assert code(refused) == (423, "datasets.upload_locked")
    assert send(actors.analyst, address, 0, CONTENT).status_code == 204


def test_a_file_that_is_not_the_promised_one_is_given_up(actors: Actors) -> None:
    address = begin(actors.analyst, headers={"Upload-Metadata": metadata(sha256="0" * 64)})["Location"]

    refused = send(actors.analyst, address, 0, CONTENT)

    assert code(refused) == (422, "datasets.checksum_mismatch")
    assert look(actors.analyst, address).status_code == 410
    assert default_storage.listdir("resumable")[1] == []


def test_the_first_bytes_may_come_with_the_beginning(actors: Actors) -> None:
    begun = begin(actors.analyst, content=CONTENT[:50])
    assert (begun.status_code, begun["Upload-Offset"]) == (201, "50")

    wrong = {"Upload-Checksum": f"md5 {base64.b64encode(b'0' * 16).decode()}"}
    assert begin(actors.analyst, content=CONTENT, headers=wrong).status_code == 460
    assert Upload.objects.count() == 1


def test_what_is_not_tus_or_not_possible_is_refused(actors: Actors, settings: Any) -> None:
    analyst = actors.analyst
    other = begin(analyst, headers={"Tus-Resumable": "0.2.2"})
    assert (*code(other), other["Tus-Version"]) == (412, "datasets.tus_version", "1.0.0")
    assert code(begin(analyst, 0)) == (422, "datasets.upload_length")
    assert code(begin(analyst, "ten")) == (400, "datasets.upload_header")
    assert code(begin(analyst, headers={"Upload-Defer-Length": "1"})) == (400, "datasets.upload_header")
    assert code(begin(analyst, headers={"Upload-Metadata": "filename %%%"})) == (
        400,
        "datasets.upload_header",
    )
    hidden = {"Upload-Metadata": metadata(filename="a\0b")}
    assert code(begin(analyst, headers=hidden)) == (422, "datasets.upload_metadata")
    assert code(begin(analyst, headers={"Upload-Metadata": metadata(sha256="zz")})) == (
        422,
        "datasets.upload_metadata",
    )
    assert code(begin(analyst, content=b"x", headers={"Upload-Checksum": "crc32 AAAA"}))[0] == 400
    settings.DATASETS_UPLOAD_MAX_BYTES = 10
    assert code(begin(analyst)) == (413, "datasets.upload_too_long")
    assert not Upload.objects.exists()


def test_options_say_what_is_offered(actors: Actors) -> None:
    offered = actors.analyst.api.options(URL)

    assert (offered.status_code, offered["Tus-Version"], offered["Tus-Max-Size"]) == (
        204,
        "1.0.0",
        "2147483648",
    )
    assert offered["Tus-Checksum-Algorithm"] == "sha1,sha256,md5"
    assert offered["Tus-Extension"] == "creation,creation-with-upload,checksum,expiration,termination"


def test_nobody_but_the_owner_sees_an_upload(actors: Actors) -> None:
    address = begin(actors.analyst)["Location"]

    for person in (actors.admin, actors.manager, actors.stranger):
        assert look(person, address).status_code == 404
        assert send(person, address, 0, CONTENT).status_code == 404
        assert person.api.get(URL).json()["results"] == []
    assert look(actors.viewer, address).status_code == 403
    assert begin(actors.viewer).status_code == 403
    assert look(actors.anonymous, address).status_code == 401
    assert len(actors.analyst.api.get(URL).json()["results"]) == 1


def test_an_upload_whose_time_is_over_is_gone(actors: Actors) -> None:
    address = begin(actors.analyst)["Location"]
    send(actors.analyst, address, 0, CONTENT[:10])
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert look(actors.analyst, address).status_code == 410
    assert code(send(actors.analyst, address, 10, CONTENT[10:])) == (410, "datasets.upload_expired")


def test_each_byte_gives_an_upload_its_time_again(actors: Actors) -> None:
    address = begin(actors.analyst)["Location"]
    soon = timezone.now() + timedelta(minutes=1)
    Upload.objects.update(expires_at=soon)

    send(actors.analyst, address, 0, CONTENT[:10])

    assert Upload.objects.get().expires_at > soon + timedelta(hours=23)


def test_twenty_uploads_of_a_person_may_be_open(actors: Actors) -> None:
    first = begin(actors.analyst)["Location"]
    for _ in range(OPEN_MAX - 1):
        assert begin(actors.analyst).status_code == 201

    assert code(begin(actors.analyst)) == (409, "datasets.too_many_uploads")
    assert begin(actors.manager).status_code == 201
    gone = actors.analyst.api.delete(first, headers={"Tus-Resumable": "1.0.0"})
    assert gone.status_code == 204
    assert look(actors.analyst, first).status_code == 404
    assert begin(actors.analyst).status_code == 201


def test_the_clock_expires_uploads_and_forgets_them_after_a_week(actors: Actors) -> None:
    begin(actors.analyst, content=CONTENT[:10])
    fresh = begin(actors.analyst, content=CONTENT[:10])["Location"]
    old = Upload.objects.order_by("created_at")[0]
    Upload.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    prune_datasets()
    old.refresh_from_db()
    assert (old.state, old.storage_name) == ("expired", "")
    assert len(default_storage.listdir("resumable")[1]) == 1
    assert look(actors.analyst, fresh)["Upload-Offset"] == "10"

    expire_uploads(timezone.now() + timedelta(days=6))
    assert Upload.objects.count() == 2
    expire_uploads(timezone.now() + timedelta(days=9))
    assert not Upload.objects.filter(pk=old.pk).exists()


def test_the_file_of_an_upload_whose_row_is_gone_goes_after_an_hour(actors: Actors) -> None:
    begin(actors.analyst, content=CONTENT[:10])
    Upload.objects.all().delete()

    assert drop_lost_files(timezone.now()) == 0
    assert drop_lost_files(timezone.now() + timedelta(hours=2)) == 1
    assert default_storage.listdir("resumable")[1] == []


def test_a_purged_organization_leaves_no_upload_behind(actors: Actors) -> None:
    begin(actors.analyst, content=CONTENT[:10])

    purge_products(actors.organization.pk)

    assert not Upload.objects.exists()
    assert default_storage.listdir("resumable")[1] == []


def test_an_operator_expires_an_upload(actors: Actors) -> None:
    address = begin(actors.analyst, content=CONTENT[:10])["Location"]
    operator = User.objects.create(email="operator@example.com", name="Operator", is_staff=True)
    client = Client()
    client.force_login(operator)
    assert client.get("/admin/datasets/upload/").status_code == 200
    assert client.get(f"/admin/datasets/upload/{Upload.objects.get().pk}/change/").status_code == 200

    body = {"action": "expire", "_selected_action": [str(Upload.objects.get().pk)]}
    assert client.post("/admin/datasets/upload/", body).status_code == 302

    assert look(actors.analyst, address).status_code == 410
    assert AuditEntry.objects.filter(verb="datasets.upload_expired").exists()
