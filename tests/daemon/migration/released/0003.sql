BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE attempts (
	id INTEGER NOT NULL, 
	job INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	pid INTEGER, 
	started BIGINT NOT NULL, 
	ended BIGINT, 
	outcome TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(job) REFERENCES jobs (id)
);
INSERT INTO "attempts" VALUES(1,1,1,11,1767323045678901,1767323045678901,'succeeded');
INSERT INTO "attempts" VALUES(2,2,2,12,1767323045678901,NULL,'');
CREATE TABLE clips (
	id INTEGER NOT NULL, 
	voice TEXT NOT NULL, 
	recording INTEGER NOT NULL, 
	sha256 TEXT NOT NULL, 
	path TEXT NOT NULL, 
	start DOUBLE NOT NULL, 
	"end" DOUBLE NOT NULL, 
	text TEXT NOT NULL, 
	text_source TEXT NOT NULL, 
	trust TEXT NOT NULL, 
	kept BOOLEAN NOT NULL, 
	reason TEXT NOT NULL, 
	sentence TEXT NOT NULL, 
	held_out BOOLEAN NOT NULL, 
	quality JSON NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(recording) REFERENCES recordings (id)
);
INSERT INTO "clips" VALUES(1,'anna',1,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','clips/cc/cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.flac',0.0,3.0,'Hello there.','given','given',1,'','',0,'{"peak": 0.5}');
CREATE TABLE consents (
	engine TEXT NOT NULL, 
	licence TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	time BIGINT NOT NULL, 
	PRIMARY KEY (engine)
);
INSERT INTO "consents" VALUES('xtts','CPML','a person',1767323045678901);
CREATE TABLE dataset_clips (
	dataset INTEGER NOT NULL, 
	clip INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	held_out BOOLEAN NOT NULL, 
	is_new BOOLEAN NOT NULL, 
	PRIMARY KEY (dataset, clip), 
	FOREIGN KEY(clip) REFERENCES clips (id), 
	FOREIGN KEY(dataset) REFERENCES datasets (id)
);
INSERT INTO "dataset_clips" VALUES(1,1,'Hello there.',0,1);
CREATE TABLE datasets (
	id INTEGER NOT NULL, 
	voice TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	job INTEGER, 
	clips INTEGER NOT NULL, 
	held_out INTEGER NOT NULL, 
	seconds DOUBLE NOT NULL, 
	held_out_seconds DOUBLE NOT NULL, 
	new_clips INTEGER NOT NULL, 
	new_seconds DOUBLE NOT NULL, 
	dropped JSON NOT NULL, 
	created BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(voice) REFERENCES voices (name), 
	UNIQUE (voice, number)
);
INSERT INTO "datasets" VALUES(1,'anna',1,NULL,1,0,3.0,0.0,1,3.0,'{"too-short": 2}',1767323045678901);
CREATE TABLE evaluations (
	id INTEGER NOT NULL, 
	voice TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	against INTEGER NOT NULL, 
	job INTEGER NOT NULL, 
	metrics JSON NOT NULL, 
	against_metrics JSON NOT NULL, 
	recording_metrics JSON NOT NULL, 
	report JSON NOT NULL, 
	better BOOLEAN NOT NULL, 
	verdict TEXT NOT NULL, 
	time BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "evaluations" VALUES(1,'anna',1,0,1,'{"wer": 0.3}','{"wer": 0.5}','{"wer": 0.2}','{"lines": []}',1,'Better.',1767323045678901);
CREATE TABLE events (
	cursor INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	time BIGINT NOT NULL, 
	voice TEXT NOT NULL, 
	payload BLOB NOT NULL
);
INSERT INTO "events" VALUES(1,1767323045678901,'anna',X'1A0808011A04616E6E61');
INSERT INTO "events" VALUES(2,1767323045678901,'anna',X'1A0808021A04616E6E61');
INSERT INTO "events" VALUES(3,1767323045678901,'anna',X'1A0808031A04616E6E61');
INSERT INTO "events" VALUES(4,1767323045678901,'anna',X'1A0808041A04616E6E61');
INSERT INTO "events" VALUES(5,1767323045678901,'anna',X'1A0808051A04616E6E61');
INSERT INTO "events" VALUES(6,1767323045678901,'anna',X'1A0808061A04616E6E61');
CREATE TABLE holdouts (
	id INTEGER NOT NULL, 
	voice TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	block INTEGER NOT NULL, 
	held BOOLEAN NOT NULL, 
	start DOUBLE NOT NULL, 
	"end" DOUBLE NOT NULL, 
	decided BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (voice, sha256, block)
);
INSERT INTO "holdouts" VALUES(1,'anna','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',0,0,0.0,0.0,1767323045678901);
CREATE TABLE home (
	uuid TEXT NOT NULL, 
	since BIGINT NOT NULL, 
	PRIMARY KEY (uuid)
);
INSERT INTO "home" VALUES('90182a3549164f28a189f97757ebdcee',1795921332660136);
CREATE TABLE jobs (
	id INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	voice TEXT NOT NULL, 
	title TEXT NOT NULL, 
	spec BLOB NOT NULL, 
	gpu_lane BOOLEAN NOT NULL, 
	priority INTEGER NOT NULL, 
	place DOUBLE NOT NULL, 
	idempotency_key TEXT, 
	parent_job INTEGER, 
	run INTEGER, 
	state VARCHAR(16) NOT NULL, 
	attempts INTEGER NOT NULL, 
	crashes INTEGER NOT NULL, 
	submitted BIGINT NOT NULL, 
	queued_since BIGINT NOT NULL, 
	started BIGINT, 
	ended BIGINT, 
	paused_since BIGINT, 
	paused_by_person BOOLEAN NOT NULL, 
	why TEXT NOT NULL, 
	error_kind TEXT NOT NULL, 
	error_hint TEXT NOT NULL, 
	log_tail TEXT NOT NULL, 
	cancelled_by TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (idempotency_key)
);
INSERT INTO "jobs" VALUES(1,'train','anna','train anna from the base on dataset #1',X'1A080A04616E6E611001',1,100,1.0,'first',NULL,1,'succeeded',1,0,1767323045678901,1767323045678901,1767323045678901,1767323045678901,NULL,0,'trained version 1','','','','');
INSERT INTO "jobs" VALUES(2,'train','anna','train anna from the base on dataset #1',X'1A080A04616E6E611001',1,100,2.0,NULL,NULL,2,'running',2,1,1767323045678901,1767323045678901,1767323045678901,NULL,NULL,0,'','','','','');
INSERT INTO "jobs" VALUES(3,'train','anna','train anna from the base on dataset #1',X'1A080A04616E6E611001',1,100,3.0,NULL,NULL,NULL,'paused',1,0,1767323045678901,1767323045678901,1767323045678901,NULL,1767323045678901,1,'paused by a person','','','','');
INSERT INTO "jobs" VALUES(4,'train','anna','train anna from the base on dataset #1',X'1A080A04616E6E611001',1,100,4.0,NULL,NULL,NULL,'failed',3,0,1767323045678901,1767323045678901,1767323045678901,1767323045678901,NULL,0,'The worker died 3 times in a row: it was killed.','crashed','See the log.','step 12
step 13','');
INSERT INTO "jobs" VALUES(5,'speak','anna','say 1 line with anna',X'2A0E0A04616E6E611A0648656C6C6F2E',1,400,5.0,NULL,NULL,NULL,'cancelled',0,0,1767323045678901,1767323045678901,NULL,1767323045678901,NULL,0,'','','','','a person');
INSERT INTO "jobs" VALUES(6,'train','anna','train anna from the base on dataset #1',X'1A080A04616E6E611001',1,100,6.0,NULL,2,NULL,'queued',0,0,1767323045678901,1767323045678901,NULL,NULL,NULL,0,'GPU held by train #2 (anna)','','','','');
CREATE TABLE points (
	id INTEGER NOT NULL, 
	series INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	value DOUBLE, 
	PRIMARY KEY (id), 
	UNIQUE (series, step)
);
INSERT INTO "points" VALUES(1,1,1,2.5);
INSERT INTO "points" VALUES(2,1,2,NULL);
INSERT INTO "points" VALUES(3,1,3,1.5);
CREATE TABLE promotions (
	id INTEGER NOT NULL, 
	voice TEXT NOT NULL, 
	version INTEGER, 
	previous INTEGER, 
	"by" TEXT NOT NULL, 
	time BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "promotions" VALUES(1,'anna',1,NULL,'score',1767323045678901);
CREATE TABLE ratings (
	id INTEGER NOT NULL, 
	voice TEXT NOT NULL, 
	a INTEGER NOT NULL, 
	b INTEGER NOT NULL, 
	clip TEXT NOT NULL, 
	text TEXT NOT NULL, 
	preferred TEXT NOT NULL, 
	score_a INTEGER NOT NULL, 
	score_b INTEGER NOT NULL, 
	blind BOOLEAN NOT NULL, 
	time BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "ratings" VALUES(1,'anna',0,1,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','Hello there.','b',3,4,1,1767323045678901);
CREATE TABLE recordings (
	id INTEGER NOT NULL, 
	voice TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	name TEXT NOT NULL, 
	path TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	seconds DOUBLE NOT NULL, 
	sample_rate INTEGER NOT NULL, 
	channels INTEGER NOT NULL, 
	codec TEXT NOT NULL, 
	text TEXT, 
	text_from TEXT NOT NULL, 
	note TEXT NOT NULL, 
	added BIGINT NOT NULL, 
	cut BIGINT, 
	removed BIGINT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(voice) REFERENCES voices (name), 
	UNIQUE (voice, sha256)
);
INSERT INTO "recordings" VALUES(1,'anna','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','a.wav','recordings/aa/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.wav',96044,3.0,16000,1,'pcm_s16le','Hello there.','a.txt','',1767323045678901,1767323045678901,NULL);
CREATE TABLE runs (
	id INTEGER NOT NULL, 
	voice TEXT NOT NULL, 
	engine TEXT NOT NULL, 
	job INTEGER NOT NULL, 
	dataset INTEGER NOT NULL, 
	from_version INTEGER NOT NULL, 
	to_version INTEGER NOT NULL, 
	settings JSON NOT NULL, 
	step INTEGER NOT NULL, 
	steps INTEGER NOT NULL, 
	best_step INTEGER NOT NULL, 
	best_loss DOUBLE, 
	result JSON NOT NULL, 
	started BIGINT, 
	ended BIGINT, uuid TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES(1,'anna','glow',1,1,0,1,'{"steps": 500}',500,500,400,0.25,'{"seconds": 60.0}',1767323045678901,1767323045678901,'782d09e15484e48a15270f2b973459c5');
INSERT INTO "runs" VALUES(2,'anna','glow',2,1,1,2,'{"steps": 500}',10,500,0,NULL,'{}',1767323045678901,NULL,'bc3dd1e8119bb8c844ce9316fb4c9b99');
CREATE TABLE series (
	id INTEGER NOT NULL, 
	run INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (run, name)
);
INSERT INTO "series" VALUES(1,1,'train/loss');
CREATE TABLE versions (
	id INTEGER NOT NULL, 
	voice TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	parent INTEGER NOT NULL, 
	dataset INTEGER NOT NULL, 
	run INTEGER NOT NULL, 
	engine TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	state TEXT NOT NULL, 
	metrics JSON NOT NULL, 
	verdict TEXT NOT NULL, 
	licence TEXT NOT NULL, 
	path TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	created BIGINT NOT NULL, adopted BIGINT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(voice) REFERENCES voices (name), 
	UNIQUE (voice, number)
);
INSERT INTO "versions" VALUES(1,'anna',1,0,1,1,'glow','full','promoted','{"wer": 0.3}','Better.','','voices/anna/1',123,1767323045678901,NULL);
CREATE TABLE voices (
	name TEXT NOT NULL, 
	language TEXT NOT NULL, 
	engine TEXT NOT NULL, 
	promoted INTEGER, 
	options JSON NOT NULL, 
	created BIGINT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "voices" VALUES('anna','en','glow',1,'{"promotion": {"margin": 0.02}}',1767323045678901);
CREATE INDEX evaluations_version ON evaluations (voice, version);
CREATE INDEX jobs_state ON jobs (state, id);
CREATE INDEX jobs_live ON jobs (state, gpu_lane, priority DESC, place) WHERE state IN ('queued','running','paused');
CREATE INDEX jobs_voice ON jobs (voice, id);
CREATE INDEX ix_promotions_voice ON promotions (voice);
CREATE INDEX ix_runs_voice ON runs (voice);
CREATE INDEX ix_attempts_job ON attempts (job);
CREATE INDEX clips_voice ON clips (voice, id);
CREATE INDEX ix_clips_recording ON clips (recording);
CREATE INDEX ratings_pair ON ratings (voice, a, b);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',6);
COMMIT;
