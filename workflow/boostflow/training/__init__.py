"""What trainings of all families share: ranks, devices, checkpoints, the loop.

A family whose block is a `DistributedBlock` writes a `Learner` and a `train(job, files)` in its
`train.py`; it is trained by `horovodrun` on as many processes as its block says. This is all of it,
for a dense network:

    def train(job, files):
        loop.train(
            job,
            files,
            lambda ranks: Dense(job.model, *read(files.jets, job.model), ranks),
            made_from=files.jets,
            packages=family_of(job.model).packages,
        )

    class Dense(Learner):
        def __init__(self, block, training, validation, ranks):  # both `data.Arrays`
            self.block, self.ranks = block, ranks
            self.training, self.validation = training, validation
            self.epochs, self.batch = block.epochs, block.batch
            self.units, self.validation_units = len(training), len(validation)
            self.digests = [training.digest, validation.digest]
            self.schedule = Cosine(block.learning_rate, warmup=0.1)
            self.early_stopping = EarlyStopping(patience=5)
            keras.utils.set_random_seed(derive(block.seed, "weights"))
            self.network = keras.Sequential([...])  # with its input shape, so that it is built
            self.optimizer = keras.optimizers.Adam(block.learning_rate)
            self.optimizer.build(self.network.trainable_variables)
            self.step = tf.function(
                self._step, input_signature=training.signature, autograph=False
            )

        @property
        def variables(self):
            return [*self.network.variables, *self.optimizer.variables]

        def batches(self, epoch):
            return self.training.batches(self.batch, self.block.seed, epoch, self.ranks)

        def _step(self, x, y, weight):
            def loss():
                total, right = ...  # of this rank's jets: sums, not means
                return total / self.width, tf.stack([total, right, tf.reduce_sum(weight)])

            found, sums = self.gradients(loss, self.network.trainable_variables)
            self.optimizer.apply(found, self.network.trainable_variables)
            return sums

        def figures(self, sums):
            return {"loss": sums[0] / sums[2], "accuracy": sums[1] / sums[2]}

        def validate(self, epoch):
            return sum(... for x, y, weight in self.validation.share(self.batch, self.ranks))

        def write(self, folder): ...
        def manifest(self): ...

What comes with it: bad input on one rank ends all with one message; all ranks start from rank 0's
weights and are compared bit by bit after each epoch; a checkpoint after each epoch, from which a
killed training continues to the same result; a rank that is lost or stuck, rank 0 too, ends the
job; the history in metrics.json, figures for TensorBoard, a line of progress for each epoch; a
training that diverges is named; the best epoch is kept where it may stop early.

learner      what a family writes            loop         what is done with it
data         batches, dealt out to ranks     schedules    learning rates
stopping     early stopping                  report       progress, TensorBoard
ranks        Horovod, or one process         devices      GPUs of the ranks
checkpoint   files of named arrays           manifest     the record beside a model
entry        how a process begins            environment  variables of TensorFlow and Horovod
cores        of the ranks of one machine
"""
