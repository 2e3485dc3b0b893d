"""``cg.loop``: loops that go on where they were, in plain scripts and modules, with nothing rewritten.

::

    import colab_guard as cg

    for epoch in cg.loop(range(50), name="epochs", state=[model, optimizer, schedule, history]):
        losses = []
        for inputs, targets in cg.loop(loader, name="batches", state=[losses]):
            ...
        schedule.step()
        history.append(sum(losses))

When the process dies and the program is started again, each loop goes on behind the last item that was done at the
newest snapshot, and ends with the bits of a run that was never killed.

**State.** What the body changes is listed in ``state`` and put back *in place*: the program's variables go on naming
the same objects. Modules, optimizers and schedulers of torch (with gradients and modes), tensors, arrays, lists,
dicts, sets, deques, bytearrays, generators of random numbers, and objects with attributes; anything with
``state_dict`` and ``load_state_dict``. Numbers, strings and tuples can't change in place: hold them in a dict. Random
states, the working directory and torch's flags belong to every snapshot, as do generators of random numbers that the
iterable itself holds. All is one pickle, so what is shared is shared again. What is not listed is as the program made
it.

**Nested loops.** A snapshot holds all loops under way, and the state of all, from one moment. At a resume the outer
loop gives the item under way once more, the body runs from its beginning, inner loops that were over give nothing,
and the one that was under way goes on at its place. At each of these the state is put back, so what the body did
again before is undone in it; but *it runs again*: files that it appends to, it appends to twice, and a number in a
variable of its own is what this second run makes of it. Inner state is what each item makes anew; what lives longer
belongs to the outer loop's state (it is said where that is seen).

**The end.** A loop that is over (no items left, ``break``, ``return``) is over for good: started again, the program
gets no items from it, and its state put back, so that a program with three loops in a row goes on in the third. A
line says so; ``fresh=True`` or ``COLAB_GUARD_FRESH=1`` starts over. Left by an exception, or by anything that does
not look like a ``break`` (``zip`` with something shorter, ``islice``), it is not over: it goes on from its newest
snapshot. A program that is started with other arguments, or a loop over another number of items, is refused, for it
is not the one that was saved.

**Items.** The iterator is saved as it stands, as a guarded cell's is; a DataLoader passes over what it gave by index
(give it the loader itself: ``enumerate(cg.loop(loader))``). One that can't be saved is begun again under the random
state of its entry and gone through up to its place.

**Names.** A loop is known by the program's file name, its own name, and, where several of one name begin one after
the other (a function called for each fold), by their order. In a notebook the order begins anew with each cell run.
Inside of a ``%%checkpointed`` cell ``cg.loop`` is plain iteration: the cell does the rest.

**When.** Snapshots are taken between two items, in the thread and process that began the outermost loop; in others
(forked workers) the loop is plain iteration. ``"100it"`` counts items of the loop and of those inside of it. A store
that fails is said once and never stops the loop; the newest three snapshots are kept. Each process of a distributed
training (``WORLD_SIZE`` above 1) would be saved at another moment: refused.
"""

from colab_guard.loops.live import Loop

__all__ = ["Loop"]
