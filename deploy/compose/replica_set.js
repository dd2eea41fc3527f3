// The health check of MongoDB: makes it the one member of its replica set, then says whether it is the primary.
try {
  rs.status();
} catch (notYet) {
  rs.initiate({ _id: "followthrough", members: [{ _id: 0, host: "mongo:27017" }] });
}
quit(db.hello().isWritablePrimary ? 0 : 1);
