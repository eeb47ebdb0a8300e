///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Claim a Machine for each owner, by a queue that outlives this process.
//DEPS com.fasterxml.jackson.core:jackson-databind:2.23.0
//DEPS com.github.kagkarlsson:db-scheduler:16.7.1
//DEPS com.h2database:h2:2.4.240
//DEPS org.slf4j:slf4j-nop:1.7.36
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/Settings.java ../../lib/fly/fleet/Pool.java

import com.github.kagkarlsson.scheduler.Scheduler;
import com.github.kagkarlsson.scheduler.task.FailureHandler;
import com.github.kagkarlsson.scheduler.task.helper.Tasks;
import fly.Fly;
import fly.Settings;
import fly.fleet.Pool;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import org.h2.jdbcx.JdbcConnectionPool;

/**
 * {@code ClaimQueue FILE OWNER...} queues a job for each owner in the database FILE, and works on
 * all that are there. Killed and run again it goes on; an owner gets the Machine that it has.
 */
class ClaimQueue {
  private static final String TABLE =
      """
      create table if not exists scheduled_tasks (
        task_name varchar(100), task_instance varchar(100), task_data blob,
        execution_time timestamp(6) with time zone, picked boolean, picked_by varchar(50),
        last_success timestamp(6) with time zone, last_failure timestamp(6) with time zone,
        consecutive_failures int, last_heartbeat timestamp(6) with time zone, version bigint,
        priority smallint, primary key (task_name, task_instance))
      """;

  public static void main(String... args) throws Exception {
    var database = JdbcConnectionPool.create("jdbc:h2:file:" + args[0], "sa", "");
    try (var connection = database.getConnection()) {
      connection.createStatement().execute(TABLE);
    }

    // The library does one step, which is safe to repeat; the engine repeats it until it is done.
    var pool = new Pool(Fly.connect(), (text, values) -> {}, Settings.APP_NAME.require(), "fleet");
    var claim =
        Tasks.oneTime("claim")
            .onFailure(new FailureHandler.ExponentialBackoffFailureHandler<>(Duration.ofSeconds(1)))
            .execute(
                (job, context) -> {
                  var machine = pool.claim(job.getId(), started -> {});
                  System.out.println(job.getId() + " has " + machine.path("id").asText());
                });

    var scheduler =
        Scheduler.create(database, claim).pollingInterval(Duration.ofMillis(200)).build();
    for (var owner : Arrays.copyOfRange(args, 1, args.length)) {
      scheduler.scheduleIfNotExists(claim.instance(owner), Instant.now());
    }
    scheduler.start();
    while (!scheduler.getScheduledExecutions().isEmpty()
        || scheduler.getCurrentlyExecuting().size() > 0) {
      Thread.sleep(200);
    }
    scheduler.stop();
  }
}
