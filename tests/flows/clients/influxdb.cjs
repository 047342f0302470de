// Writes points with the npm client of InfluxDB 2, in batches as it comes.
const { InfluxDB, Point } = require("@influxdata/influxdb-client");

const { address, key, points } = JSON.parse(process.argv[2]);
const writer = new InfluxDB({ url: `${address}/influx`, token: key }).getWriteApi("team", "bucket", "ms");
writer.useDefaultTags({ region: "eu west" });
for (const { name, value, at_s } of points) {
  const point = new Point(name).tag("host", "a,b").floatField("usage", value).intField("hits", 2);
  writer.writePoint(point.stringField("note", "not a number").timestamp(at_s * 1000));
}
writer.close().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
