"""The daemon `mynad`: owns the state and the GPU. The server never imports torch; worker processes do.

At the root lies only what starts and wires mynad (`main`, the composition root), its settings, and what every room uses
(`errors`, `names`).

    main ──▶ services ──▶ scheduling ──▶ kinds (registry, lifecycle, */server) ──▶ state ──▶ database
                 │             │                     │
                 └──▶ inbox    └──▶ processes        └──▶ home, machine            worker, kinds/*/worker: worker
                 processes

A folder's docstring says what belongs there and what must not.
"""
