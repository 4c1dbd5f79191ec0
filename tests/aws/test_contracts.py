"""The AWS backends keep the contracts, on a moto server behind S3's own strictness."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta

import pytest

from imgtag.backends.aws import BACKENDS, clients
from imgtag.backends.aws.blobs import S3BlobStore
from imgtag.backends.aws.catalog import DynamoCatalog
from imgtag.backends.aws.catalog.documents import load
from imgtag.backends.aws.jobs.bundles import DynamoBundleStore
from imgtag.backends.aws.jobs.imports import DynamoImportStore
from imgtag.backends.aws.places import Places
from imgtag.backends.aws.queue import SqsQueue
from imgtag.backends.aws.records import DynamoRecordStore
from imgtag.backends.aws.rekognition import RekognitionLabeler
from imgtag.backends.aws.sns import SnsNotifier
from imgtag.backends.memory import MemoryQueue
from imgtag.domain.addresses import Channel
from imgtag.domain.errors import Conflict, Invalid
from imgtag.domain.ids import BundleId, ImportId, OwnerId
from imgtag.domain.keys import BlobKey
from imgtag.ports import Notice, Subject
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.blob_store import BlobStoreContract
from imgtag.testing.contracts.bundle_store import BundleStoreContract
from imgtag.testing.contracts.catalog import CatalogContract
from imgtag.testing.contracts.catalog_base import Row
from imgtag.testing.contracts.event_queue import EventQueueContract
from imgtag.testing.contracts.import_store import ImportStoreContract
from imgtag.testing.contracts.labeler import LabelerContract
from imgtag.testing.contracts.notifier import NotifierContract
from imgtag.testing.contracts.record_store import RecordStoreContract
from imgtag.testing.photos import ADA, BOB
from tests.aws import rekognition
from tests.aws.cloud import Cloud


class TestBlobs(BlobStoreContract[S3BlobStore]):
    """`S3BlobStore` on moto."""

    signs_urls = True

    @pytest.fixture(autouse=True)
    def on(self, cloud: Cloud) -> None:
        """Keep the cloud at hand for the back doors."""
        self.cloud = cloud

    @pytest.fixture
    async def store(self, buckets: Cloud) -> AsyncIterator[S3BlobStore]:
        """Give an empty store."""
        async with BACKENDS["s3"].blobs(buckets.context) as store:
            yield store

    async def raw_bytes(self, store: S3BlobStore, key: BlobKey) -> bytes | None:
        """Read the object with the SDK."""
        s3 = await clients.s3(self.cloud.context)
        place = Places.of(self.cloud.settings).of_blob(key)
        try:
            found = await s3.get_object(**place.arguments)
        except s3.exceptions.NoSuchKey:
            return None
        return await found["Body"].read()

    async def plant(self, store: S3BlobStore, key: BlobKey, content: bytes) -> None:
        """Put the object with the SDK."""
        s3 = await clients.s3(self.cloud.context)
        place = Places.of(self.cloud.settings).of_blob(key)
        await s3.put_object(**place.arguments, Body=content, ContentType="image/jpeg")

    async def leftovers(self, store: S3BlobStore) -> int:
        """Count unfinished multipart uploads."""
        s3 = await clients.s3(self.cloud.context)
        told = await s3.list_multipart_uploads(Bucket=self.cloud.settings.s3_bucket)
        return len(told.get("Uploads", ()))


class TestQueue(EventQueueContract[SqsQueue]):
    """`SqsQueue` on moto."""

    @pytest.fixture(autouse=True)
    def on(self, cloud: Cloud) -> None:
        """Keep the cloud at hand for the back doors."""
        self.cloud = cloud

    @pytest.fixture
    async def queue(self, queues: Cloud) -> AsyncIterator[SqsQueue]:
        """Give an empty queue."""
        async with BACKENDS["sqs"].queue(queues.context, "photos") as queue:
            yield queue

    async def plant(self, queue: SqsQueue, body: str) -> None:
        """Send the body with the SDK."""
        sqs = await clients.sqs(self.cloud.context)
        await sqs.send_message(QueueUrl=self.cloud.settings.sqs_photos, MessageBody=body)

    async def bodies(self, queue: SqsQueue) -> Sequence[str]:
        """Look into the server."""
        return self.cloud.server.messages(self.cloud.settings.sqs_photos)

    async def pass_time(self, clock: FixedClock, by: timedelta) -> None:
        """Let time pass here and on the server."""
        clock.advance(by)
        self.cloud.server.advance(by)


class TestCatalog(CatalogContract[DynamoCatalog]):
    """`DynamoCatalog` on moto, where a transaction takes a hundred times as long as on AWS."""

    transactional_events = False
    model_runs = 2
    model_steps = 100

    @pytest.fixture(autouse=True)
    def on(self, cloud: Cloud) -> None:
        """Keep the cloud at hand for the back doors."""
        self.cloud = cloud

    @pytest.fixture
    async def events(self, clock: FixedClock) -> MemoryQueue:
        """Give a queue of this process."""
        return MemoryQueue(clock)

    @pytest.fixture
    async def catalog(
        self,
        tables: Cloud,
        events: MemoryQueue,
    ) -> AsyncIterator[DynamoCatalog]:
        """Give an empty catalog."""
        async with BACKENDS["dynamodb"].catalog(tables.context, events) as catalog:
            yield catalog

    async def rows(self, catalog: DynamoCatalog) -> Sequence[Row]:
        """Scan the table with the SDK."""
        dynamodb = await clients.dynamodb(self.cloud.context)
        pages = dynamodb.get_paginator("scan").paginate(
            TableName=self.cloud.settings.dynamodb_catalog
        )
        found = []
        async for page in pages:
            for item in page["Items"]:
                if "doc" in item:
                    owner = OwnerId(item["pk"]["S"].split("#")[1])
                    photo = load(owner, item["doc"]["S"])
                    found.append((owner, photo.id, photo.state))
        return found

    async def spoil_counts(self, catalog: DynamoCatalog, owner: OwnerId) -> None:
        """Add five to every count of the owner."""
        dynamodb = await clients.dynamodb(self.cloud.context)
        name = self.cloud.settings.dynamodb_catalog
        told = await dynamodb.scan(TableName=name)
        for item in told["Items"]:
            if item["pk"]["S"].startswith(f"T#{owner}#C#") and "n" in item:
                await dynamodb.update_item(
                    TableName=name,
                    Key={"pk": item["pk"], "sk": item["sk"]},
                    UpdateExpression="ADD n :five",
                    ExpressionAttributeValues={":five": {"N": "5"}},
                )


class TestBundles(BundleStoreContract[DynamoBundleStore]):
    """`DynamoBundleStore` on moto."""

    transactional_events = False

    @pytest.fixture(autouse=True)
    def on(self, cloud: Cloud) -> None:
        """Keep the cloud at hand for the back doors."""
        self.cloud = cloud

    @pytest.fixture
    async def events(self, clock: FixedClock) -> MemoryQueue:
        """Give a queue of this process."""
        return MemoryQueue(clock, topic="bundles")

    @pytest.fixture
    async def bundles(
        self,
        tables: Cloud,
        events: MemoryQueue,
    ) -> AsyncIterator[DynamoBundleStore]:
        """Give an empty store."""
        async with BACKENDS["dynamodb"].bundles(tables.context, events) as bundles:
            yield bundles

    async def rows(self, bundles: DynamoBundleStore) -> Sequence[tuple[OwnerId, BundleId, int]]:
        """Scan the table with the SDK."""
        dynamodb = await clients.dynamodb(self.cloud.context)
        told = await dynamodb.scan(TableName=self.cloud.settings.dynamodb_jobs)
        return [
            (OwnerId(item["pk"]["S"][2:]), BundleId(item["sk"]["S"]), int(item["rev"]["N"]))
            for item in told["Items"]
            if "doc" in item
        ]


class TestRecords(RecordStoreContract[DynamoRecordStore]):
    """`DynamoRecordStore` on moto."""

    @pytest.fixture
    async def records(self, tables: Cloud) -> AsyncIterator[DynamoRecordStore]:
        """Give an empty store."""
        self.cloud = tables
        async with BACKENDS["dynamodb"].records(tables.context) as records:
            yield records

    async def kept(self, records: DynamoRecordStore) -> str:
        """Scan the table with the SDK."""
        dynamodb = await clients.dynamodb(self.cloud.context)
        told = await dynamodb.scan(TableName=self.cloud.settings.dynamodb_jobs)
        return json.dumps(told["Items"])


class TestImports(ImportStoreContract[DynamoImportStore]):
    """`DynamoImportStore` on moto."""

    transactional_events = False

    @pytest.fixture(autouse=True)
    def on(self, cloud: Cloud) -> None:
        """Keep the cloud at hand for the back doors."""
        self.cloud = cloud

    @pytest.fixture
    async def events(self, clock: FixedClock) -> MemoryQueue:
        """Give a queue of this process."""
        return MemoryQueue(clock, topic="bundles")

    @pytest.fixture
    async def imports(self, tables: Cloud, events: MemoryQueue) -> AsyncIterator[DynamoImportStore]:
        """Give an empty store."""
        async with BACKENDS["dynamodb"].imports(tables.context, events) as imports:
            yield imports

    async def rows(self, imports: DynamoImportStore) -> Sequence[tuple[OwnerId, ImportId, int]]:
        """Scan the table with the SDK."""
        dynamodb = await clients.dynamodb(self.cloud.context)
        told = await dynamodb.scan(TableName=self.cloud.settings.dynamodb_jobs)
        return [
            (OwnerId(item["pk"]["S"][2:]), ImportId(item["sk"]["S"]), int(item["rev"]["N"]))
            for item in told["Items"]
            if "doc" in item
        ]


class TestLabeler(LabelerContract[RekognitionLabeler]):
    """`RekognitionLabeler` asks a Rekognition of the tests."""

    @pytest.fixture
    async def labeler(
        self,
        tables: Cloud,
        monkeypatch: pytest.MonkeyPatch,
    ) -> AsyncIterator[RekognitionLabeler]:
        """Give a labeler."""
        self.fake = rekognition.FakeRekognition()
        async with rekognition.serving(self.fake) as url:
            monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", url)
            async with BACKENDS["rekognition"].labeler(tables.context) as labeler:
                yield labeler

    async def prepare(self, labeler: RekognitionLabeler, subject: Subject, original: bytes) -> None:
        """Put the original where Rekognition looks for it."""
        self.fake.objects[str(subject.key)] = original


class TestNotifier(NotifierContract[SnsNotifier]):
    """`SnsNotifier` on moto, with a queue for each person in the place of a mailbox."""

    @pytest.fixture
    async def notifier(
        self,
        topic: Cloud,
        queues: Cloud,
        tables: Cloud,
    ) -> AsyncIterator[SnsNotifier]:
        """Give a notifier with two subscribers."""
        self.cloud = queues
        settings = queues.settings
        self.mailboxes = {ADA: settings.sqs_photos, BOB: settings.sqs_bundles}
        async with BACKENDS["sns"].notifier(queues.context) as notifier:
            for owner, url in self.mailboxes.items():
                name = url.rpartition("/")[2]
                arn = f"arn:aws:sqs:eu-central-1:123456789012:{name}"
                await notifier.attach(owner, "sqs", arn)
            yield notifier

    async def arrived(self, notifier: SnsNotifier, owner: OwnerId) -> Sequence[tuple[str, str]]:
        """Read the mailbox."""
        letters = map(json.loads, self.cloud.server.messages(self.mailboxes[owner]))
        return [(letter["Subject"], letter["Message"]) for letter in letters]

    async def addresses(self, notifier: SnsNotifier, owner: OwnerId) -> Mapping[Channel, str]:
        """Agree in everybody's name, let a notice pass, and list what SNS would send it to."""
        self.cloud.server.confirm()
        await notifier.notify(Notice("look", owner, "Look", "Where does this go?"))
        sns = await clients.sns(self.cloud.context)
        told = await sns.list_subscriptions_by_topic(TopicArn=self.cloud.settings.sns_topic)
        found = {}
        for each in told["Subscriptions"]:
            arn = each["SubscriptionArn"]
            attributes = (await sns.get_subscription_attributes(SubscriptionArn=arn))["Attributes"]
            mine = json.loads(attributes["FilterPolicy"]) == {"owner": [owner]}
            if mine and each["Protocol"] in set(Channel):
                assert each["Protocol"] not in found
                found[Channel(each["Protocol"])] = each["Endpoint"]
        return found

    async def test_an_address_has_to_be_confirmed(self, notifier: SnsNotifier) -> None:
        """Until its holder agrees, it is told as one that gets nothing."""
        await notifier.subscribe(ADA, Channel.EMAIL, "ada@example.org")
        assert [each.confirmed for each in await notifier.subscriptions(ADA)] == [False]
        self.cloud.server.confirm()
        assert [each.confirmed for each in await notifier.subscriptions(ADA)] == [True]

    async def test_whoever_unsubscribes_by_mail_is_gone(self, notifier: SnsNotifier) -> None:
        """The link in a message ends a subscription at SNS, and here too."""
        await notifier.subscribe(ADA, Channel.SMS, "+447700900123")
        sns = await clients.sns(self.cloud.context)
        told = await sns.list_subscriptions_by_topic(TopicArn=self.cloud.settings.sns_topic)
        for each in told["Subscriptions"]:
            if each["Protocol"] == "sms":
                await sns.unsubscribe(SubscriptionArn=each["SubscriptionArn"])
        assert list(await notifier.subscriptions(ADA)) == []
        await notifier.unsubscribe(ADA, Channel.SMS)

    async def test_one_address_serves_one_owner(self, notifier: SnsNotifier) -> None:
        """SNS has one subscription for an address; the first owner keeps it."""
        await notifier.subscribe(ADA, Channel.EMAIL, "both@example.org")
        with pytest.raises(Conflict) as caught:
            await notifier.subscribe(BOB, Channel.EMAIL, "both@example.org")
        assert caught.value.code == "address_in_use"
        assert await self.addresses(notifier, ADA) == {Channel.EMAIL: "both@example.org"}
        assert await self.addresses(notifier, BOB) == {}

    async def test_a_refused_address_is_not_repeated(self, notifier: SnsNotifier) -> None:
        """What SNS says of it would put it into the log."""
        with pytest.raises(Invalid) as caught:
            await notifier.subscribe(ADA, Channel.SMS, "+4477009--00123")
        assert caught.value.code == "address_refused"
        assert "7700" not in repr(caught.value.__cause__) + caught.value.detail

    async def test_addresses_are_not_kept(self, notifier: SnsNotifier) -> None:
        """The table knows that there are subscriptions, and of nobody's address."""
        await notifier.subscribe(ADA, Channel.EMAIL, "ada.lovelace@example.org")
        await notifier.subscribe(ADA, Channel.EMAIL, "ada.king@example.org")
        dynamodb = await clients.dynamodb(self.cloud.context)
        told = await dynamodb.scan(TableName=self.cloud.settings.dynamodb_jobs)
        assert told["Items"]
        assert "example.org" not in json.dumps(told["Items"])
