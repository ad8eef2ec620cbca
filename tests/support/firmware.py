"""Firmware in a simulator: what the Verilog or VHDL of a model gives, clock by clock."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from boostflow.models import logic
from boostflow.models.hardware import HardwareBlock

NEEDED = {"verilog": ("verilator", "g++", "make"), "vhdl": ("ghdl",)}
"""Programs that simulate each language."""

VERILOG = """`timescale 1 ns / 1 ps
module bench;
  reg clk = 0;
  reg [{read}:0] jets [0:{last}];
  reg [{read}:0] in;
  wire [{given}:0] out;
  integer i;
  {top}_wrapper top (.clk(clk), .model_inp(in), .model_out(out));
  initial begin
    $readmemb("jets.txt", jets);
    for (i = 0; i <= {last} + {cycles}; i = i + 1) begin
      in = jets[i < {last} ? i : {last}];
      #1 clk = 1;
      #1 if (i >= {cycles}) $display("%b", out);
      clk = 0;
    end
    $finish;
  end
endmodule
"""
VHDL = """library ieee;
use ieee.std_logic_1164.all;
use std.textio.all;
entity bench is end entity;
architecture sim of bench is
  signal clk: std_logic := '0';
  signal jet: std_logic_vector({read} downto 0);
  signal answer: std_logic_vector({given} downto 0);
begin
  top: entity work.{top}_wrapper port map (clk => clk, model_inp => jet, model_out => answer);
  process
    file jets: text open read_mode is "jets.txt";
    variable row, said: line;
    variable value: std_logic_vector({read} downto 0);
  begin
    for i in 0 to {last} + {cycles} loop
      if i <= {last} then
        readline(jets, row);
        read(row, value);
      end if;
      jet <= value;
      wait for 1 ns;
      clk <= '1';
      wait for 1 ns;
      if i >= {cycles} then
        write(said, answer);
        writeline(output, said);
      end if;
      clk <= '0';
    end loop;
    wait;
  end process;
end architecture;
"""
"""A jet a cycle goes in, and the answer to it is read so many cycles later as are quoted."""


def simulated(
    model: Path, block: HardwareBlock, language: str, values: NDArray, folder: Path
) -> NDArray:
    """What a simulator makes of the firmware of a model for features on the grid (N, features).

    Args:
        model: folder of the trained model.
        block: its configuration.
        language: verilog or vhdl.
        values: features, one jet a row.
        folder: for the firmware and what is compiled.
    """
    if any(shutil.which(program) is None for program in NEEDED[language]):
        pytest.skip(f"no simulator of {language}: needs {', '.join(NEEDED[language])}")
    made = logic.load(model / logic.LOGIC)
    cycles = logic.write(made, folder, block.model_copy(update={"hdl": language}))["cycles"]
    source = folder / logic.HDL / "src"
    if language == block.hdl:
        for file in (model / logic.HDL / "src").glob("*.v*"):
            assert file.read_text() == (source / file.name).read_text()
    read, given = (np.max(kifs, axis=1) for kifs in (made.inp_kifs, made.out_kifs))
    bits, wide = int(read.sum()), int(given.sum())
    codes = np.floor(np.ldexp(values.astype(float), read[2])).astype(int)
    # The first feature stands in the lowest bits.
    words = ["".join(np.binary_repr(c, bits) for c in row[::-1]) for row in codes]
    (folder / "jets.txt").write_text("\n".join(words) + "\n")
    widths = {"read": bits * made.shape[0] - 1, "given": wide * made.shape[1] - 1}
    says = widths | {"last": len(values) - 1, "cycles": cycles, "top": logic.TOP}
    out = (_verilog if language == "verilog" else _vhdl)(source, says, folder)
    rows = [line for line in out.split() if set(line) <= {"0", "1"}]
    parts = np.array(
        [[int(row[i : i + wide], 2) for i in range(0, len(row), wide)] for row in rows]
    )
    signed = np.where(parts >= 2 ** (wide - 1), parts - 2**wide, parts)[:, ::-1]
    return np.ldexp(signed.astype(float), -given[2])


def _run(folder: Path, *command: str) -> str:
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL
    ).stdout


def _verilog(source: Path, says: dict[str, object], folder: Path) -> str:
    (folder / "bench.v").write_text(VERILOG.format(**says))
    places = [part for path in (source, source / "static") for part in ("-y", str(path))]
    quick = ["-CFLAGS", "-O0", "-MAKEFLAGS", "OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0"]
    top = ("--top-module", "bench")
    _run(folder, "verilator", "--binary", *top, "-Wno-fatal", *quick, *places, "bench.v")
    return _run(folder, "./obj_dir/Vbench")


def _vhdl(source: Path, says: dict[str, object], folder: Path) -> str:
    (folder / "bench.vhd").write_text(VHDL.format(**says))
    files = [*map(str, sorted(source.rglob("*.vhd"))), "bench.vhd"]
    _run(folder, "ghdl", "-i", "--std=08", *files)
    _run(folder, "ghdl", "-m", "--std=08", "bench")
    return _run(folder, "ghdl", "-r", "--std=08", "bench", "--ieee-asserts=disable-at-0")
