// LAMMPS pair style lps_ann: neural networks on Chebyshev descriptors.
//
//   pair_style lps_ann
//   pair_coeff * * potential.safetensors Li P S       (elements of types 1, 2, 3)
//   pair_coeff * * Li.nn P.nn S.nn Li P S             (aenet's network files)
//
// The energy is a sum of atomic energies. Each atom's features and network depend on the
// neighbours within one cutoff, so forces on ghost atoms go back to their owners and no
// other communication is needed. The committee's spread is computed on the steps on which
// `fix pair` asks for it: `energy_std` (of an atom's energy) and `forces_std` (of the
// three components of its force).

#include "potential_files.hpp"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "lammps.h"
#include "memory.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "pair.h"
#include "update.h"
#include "utils.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

namespace lps_ann {

constexpr long double HALF_PI = 1.57079632679489661923132169163975144L;
constexpr double PI = 2 * HALF_PI;

// Taylor series of sin and cos(pi x / 2), exact to double precision on [-1, 1], which
// compilers vectorise; `first` is the lowest power
template <int N> struct Series {
  double c[N] = {};
  constexpr Series(int first)
  {
    long double term = first ? HALF_PI : 1.0L;
    for (int k = 0; k < N; ++k) {
      c[k] = term;
      const int power = first + 2 * k;
      term *= -HALF_PI * HALF_PI / ((power + 1) * (power + 2));
    }
  }
  double operator()(double y) const
  {
    double r = c[N - 1];
    for (int k = N - 2; k >= 0; --k) r = r * y + c[k];
    return r;
  }
};

inline double sin_half_pi(double x)
{
  constexpr Series<12> series(1);
  return series(x * x) * x;
}

inline double cos_half_pi(double x)
{
  constexpr Series<13> series(0);
  return series(x * x);
}

// What one atom sees, and the scratch of its evaluation
class Environment {
 public:
  Environment(const Potential &p) :
      p_(p), features(p.n_features()), slope(p.n_features()), tn_(p.angular_order + 2),
      dn_(p.angular_order + 2)
  {
    std::size_t widest = p.n_features(), depth = 0;
    for (const auto &element : p.elements)
      for (const auto &network : element.networks) {
        depth = std::max(depth, network.size());
        for (const auto &layer : network) widest = std::max(widest, (std::size_t) layer.outputs);
      }
    values_.assign(depth + 1, Numbers(widest));
    slopes_.assign(depth + 1, Numbers(widest));
  }

  void clear(int most)
  {
    m = full_ = 0;
    near_.clear();
    const int width = (most + PAD - 1) / PAD * PAD;
    if (width <= width_) return;
    width_ = width;
    who.resize(width);
    for (Numbers *row : {&x_, &fc_, &spin_, &dx, &dy, &dz, &inv_, &t0_, &t1_, &d0_, &d1_, &w_,
                         &gx, &gy, &gz})
      row->assign(width, 0.0);
    radial_.assign((std::size_t) width * (p_.radial_order + 1), 0.0);
  }

  void add(int j, double spin, double x, double y, double z, double rsq)
  {
    const double d = std::sqrt(rsq);
    if (d < p_.angular_cutoff) near_.push_back(m);
    who[m] = j;
    x_[m] = 2.0 * d / p_.radial_cutoff - 1.0;
    spin_[m] = spin;
    dx[m] = x;
    dy[m] = y;
    dz[m] = z;
    inv_[m++] = 1.0 / d;
  }

  // Pads the table: neighbours on the cutoff add nothing
  void close()
  {
    full_ = (m + PAD - 1) / PAD * PAD;
    for (int k = m; k < full_; ++k) {
      x_[k] = 1.0;
      spin_[k] = dx[k] = dy[k] = dz[k] = inv_[k] = 0.0;
    }
    for (int k = 0; k < full_; ++k) fc_[k] = 0.5 - 0.5 * sin_half_pi(x_[k]);
    for (int k = m; k < full_; ++k) fc_[k] = 0.0;
    fa_.resize(near_.size());
    dfa_.resize(near_.size());
    const double inner = p_.angular_cutoff;
    for (std::size_t q = 0; q < near_.size(); ++q) {
      const double x = 2.0 / (inner * inv_[near_[q]]) - 1.0;
      fa_[q] = 0.5 - 0.5 * sin_half_pi(x);
      dfa_[q] = -0.5 * PI / inner * cos_half_pi(x);
    }
  }

  // Features, and the slopes of the radial functions for what follows
  void describe()
  {
    const int nr = p_.radial_order, na = p_.angular_order, half = p_.half();
    const bool weighted = p_.weighted();
    const double scale = 2.0 / p_.radial_cutoff;
    double *__restrict x = x_.data(), *__restrict s = spin_.data();
    double *__restrict t0 = t0_.data(), *__restrict t1 = t1_.data();
    double *__restrict d0 = d0_.data(), *__restrict d1 = d1_.data();
    std::fill(features.begin(), features.end(), 0.0);
    for (int k = 0; k < full_; ++k) {
      t0[k] = fc_[k];
      d0[k] = -0.25 * PI * scale * cos_half_pi(x[k]);
      t1[k] = x[k] * t0[k];
      d1[k] = x[k] * d0[k] + scale * t0[k];
      x[k] += x[k];
    }
    for (int n = 0; n <= nr; ++n) {
      double *__restrict row = &radial_[(std::size_t) n * width_];
      double plain = 0.0, spun = 0.0;
      for (int k = 0; k < full_; ++k) {
        const double t = t0[k], d = d0[k];
        plain += t;
        spun += s[k] * t;
        row[k] = d;
        d0[k] = d1[k];
        t0[k] = t1[k];
        d1[k] = 2.0 * scale * t0[k] + x[k] * d1[k] - d;
        t1[k] = x[k] * t0[k] - t;
      }
      features[n] = plain;
      if (weighted) features[half + n] = spun;
    }
    for (std::size_t q = 0; q < near_.size(); ++q)
      for (std::size_t r = q + 1; r < near_.size(); ++r) {
        const int k = near_[q], h = near_[r];
        const double cosine = (dx[k] * dx[h] + dy[k] * dy[h] + dz[k] * dz[h]) * inv_[k] * inv_[h];
        const double both = s[k] * s[h];
        double low = fa_[q] * fa_[r], high = cosine * low;
        for (int n = 0; n <= na; ++n) {
          features[nr + 1 + n] += low;
          if (weighted) features[half + nr + 1 + n] += both * low;
          const double next = 2.0 * cosine * high - low;
          low = high;
          high = next;
        }
      }
  }

  // The network's output; its slope with respect to the features if wanted
  double run(const Element &element, int member, bool want_slope)
  {
    const auto &network = element.networks[member];
    const int n = p_.n_features();
    for (int k = 0; k < n; ++k)
      values_[0][k] = (features[k] - element.mean[k]) * element.inverse_std[k];
    for (std::size_t l = 0; l < network.size(); ++l) {
      const Layer &layer = network[l];
      const double *__restrict a = values_[l].data(), *__restrict w = layer.weight.data();
      double *__restrict y = values_[l + 1].data(), *__restrict dy = slopes_[l + 1].data();
      const int columns = layer.outputs;
      for (int o = 0; o < columns; ++o) y[o] = layer.bias[o];
      for (int k = 0; k < layer.inputs; ++k, w += columns)
        for (int o = 0; o < columns; ++o) y[o] += a[k] * w[o];
      for (int o = 0; o < columns; ++o) activate(layer.activation, y[o], dy[o]);
    }
    if (want_slope) {
      for (std::size_t l = network.size(); l-- > 0;) {
        const Layer &layer = network[l];
        const double *__restrict w = layer.weight.data();
        double *__restrict g = slopes_[l + 1].data();
        double *__restrict h = l ? slopes_[l].data() : slope.data();
        for (int k = 0; k < layer.inputs; ++k, w += layer.outputs) {
          double total = 0.0;
          for (int o = 0; o < layer.outputs; ++o) total += g[o] * w[o];
          h[k] = total * (l ? h[k] : element.inverse_std[k]);
        }
      }
    }
    return values_[network.size()][0];
  }

  // d output / d position of each neighbour, from `slope`, into gx, gy, gz
  void pull_back()
  {
    const int nr = p_.radial_order, na = p_.angular_order, half = p_.half();
    const bool weighted = p_.weighted();
    double *__restrict w = w_.data();
    const double *__restrict s = spin_.data();
    std::fill(w_.begin(), w_.begin() + full_, 0.0);
    for (int n = 0; n <= nr; ++n) {
      const double *__restrict row = &radial_[(std::size_t) n * width_];
      const double plain = slope[n], spun = weighted ? slope[half + n] : 0.0;
      for (int k = 0; k < full_; ++k) w[k] += (plain + s[k] * spun) * row[k];
    }
    for (int k = 0; k < full_; ++k) {
      const double v = w[k] * inv_[k];
      gx[k] = v * dx[k];
      gy[k] = v * dy[k];
      gz[k] = v * dz[k];
    }
    for (std::size_t q = 0; q < near_.size(); ++q) {
      const int k = near_[q];
      const double kx = dx[k] * inv_[k], ky = dy[k] * inv_[k], kz = dz[k] * inv_[k];
      for (std::size_t r = q + 1; r < near_.size(); ++r) {
        const int h = near_[r];
        const double hx = dx[h] * inv_[h], hy = dy[h] * inv_[h], hz = dz[h] * inv_[h];
        const double cosine = kx * hx + ky * hy + kz * hz, both = s[k] * s[h];
        chebyshev(cosine);
        double value = 0.0, turn = 0.0;
        for (int n = 0; n <= na; ++n) {
          double v = slope[nr + 1 + n];
          if (weighted) v += both * slope[half + nr + 1 + n];
          value += v * tn_[n];
          turn += v * dn_[n];
        }
        turn *= fa_[q] * fa_[r];
        const double vk = value * dfa_[q] * fa_[r], vh = value * fa_[q] * dfa_[r];
        const double tk = turn * inv_[k], th = turn * inv_[h];
        gx[k] += vk * kx + tk * (hx - cosine * kx);
        gy[k] += vk * ky + tk * (hy - cosine * ky);
        gz[k] += vk * kz + tk * (hz - cosine * kz);
        gx[h] += vh * hx + th * (kx - cosine * hx);
        gy[h] += vh * hy + th * (ky - cosine * hy);
        gz[h] += vh * hz + th * (kz - cosine * hz);
      }
    }
  }

 private:
  static constexpr int PAD = 8;    // whole vector registers
  const Potential &p_;
  int full_ = 0, width_ = 0;
  std::vector<int> near_;    // places of the neighbours within the angular cutoff

 public:
  int m = 0;    // neighbours
  std::vector<int> who;
  Numbers dx, dy, dz, gx, gy, gz, features, slope;

 private:
  Numbers x_, fc_, spin_, inv_, t0_, t1_, d0_, d1_, w_, radial_, fa_, dfa_, tn_, dn_;
  std::vector<Numbers> values_, slopes_;    // by layer

  static void activate(int code, double &y, double &dy)
  {
    const double v = y;
    if (code == LINEAR) {
      dy = 1.0;
    } else if (code == TANH) {
      y = std::tanh(v);
      dy = 1.0 - y * y;
    } else if (code == SIGMOID) {
      y = 1.0 / (1.0 + std::exp(-v));
      dy = y * (1.0 - y);
    } else {
      const double a = 1.7159, b = 2.0 / 3.0, t = std::tanh(b * v);
      y = a * t + (code == TWIST ? 0.1 * v : 0.0);
      dy = a * b * (1.0 - t * t) + (code == TWIST ? 0.1 : 0.0);
    }
  }

  // T_n of the cosine and their derivatives
  void chebyshev(double cosine)
  {
    tn_[0] = 1.0, tn_[1] = cosine, dn_[0] = 0.0, dn_[1] = 1.0;
    for (int n = 2; n <= p_.angular_order; ++n) {
      tn_[n] = 2.0 * cosine * tn_[n - 1] - tn_[n - 2];
      dn_[n] = 2.0 * tn_[n - 1] + 2.0 * cosine * dn_[n - 1] - dn_[n - 2];
    }
  }
};

}    // namespace lps_ann

namespace LAMMPS_NS {

class PairLPSANN : public Pair {
 public:
  PairLPSANN(LAMMPS *lmp) : Pair(lmp)
  {
    restartinfo = single_enable = 0;
    one_coeff = manybody_flag = no_virial_fdotr_compute = 1;
    centroidstressflag = CENTROID_NOTAVAIL;
  }

  ~PairLPSANN() override
  {
    memory->destroy(energy_std);
    memory->destroy(forces_std);
    if (allocated) {
      memory->destroy(setflag);
      memory->destroy(cutsq);
    }
  }

  void settings(int narg, char **) override
  {
    if (narg) error->all(FLERR, "pair_style lps_ann takes no arguments");
  }

  void coeff(int narg, char **arg) override
  {
    const int n = atom->ntypes;
    if (!allocated) {
      memory->create(setflag, n + 1, n + 1, "pair:setflag");
      memory->create(cutsq, n + 1, n + 1, "pair:cutsq");
      map = new int[n + 1];
      allocated = 1;
    }
    if (narg < 3 + n)
      error->all(FLERR,
                 "pair_coeff of lps_ann needs * *, a saved potential or aenet's network files, "
                 "and the element of each of the {} atom types (NULL for none)", n);
    map_element2type(n, arg + narg - n);
    std::vector<std::string> contents;
    for (int k = 2; k < narg - n; ++k) contents.push_back(read_everywhere(arg[k]));
    try {
      potential = lps_ann::read_potential(contents);
    } catch (const std::exception &problem) {
      error->all(FLERR, "pair_coeff of lps_ann: {}: {}", arg[2], problem.what());
    }
    const auto &known = potential.elements;
    for (int type = 1; type <= n; ++type) {
      if (map[type] < 0) continue;
      const std::string symbol = elements[map[type]];
      const auto found = std::find_if(known.begin(), known.end(), [&](const auto &element) {
        return element.symbol == symbol;
      });
      if (found == known.end())
        error->all(FLERR, "pair_coeff of lps_ann: {} does not know the element {}", arg[2],
                   symbol);
      map[type] = found - known.begin();
    }
    comm_reverse = 3 * potential.n_members;
  }

  void init_style() override
  {
    if (std::strcmp(update->unit_style, "metal") != 0)
      error->all(FLERR, "pair_style lps_ann needs units metal (eV, Angstrom)");
    if (!force->newton_pair) error->all(FLERR, "pair_style lps_ann needs newton pair on");
    neighbor->add_request(this, NeighConst::REQ_FULL);
  }

  double init_one(int i, int j) override
  {
    if (!setflag[i][j]) error->all(FLERR, "not all pair coefficients of lps_ann are set");
    return potential.radial_cutoff;
  }

  void compute(int eflag, int vflag) override
  {
    ev_init(eflag, vflag);
    const bool spread = want_energy_std || want_forces_std;
    const int n_members = spread ? potential.n_members : 1, width = 3 * potential.n_members;
    if (spread) grow();
    if (want_forces_std)
      member_forces.assign((std::size_t) width * (atom->nlocal + atom->nghost), 0.0);
    lps_ann::Environment environment(potential);
    lps_ann::Numbers outputs(n_members);
    double closest = std::numeric_limits<double>::max();
    for (int ii = 0; ii < list->inum; ++ii) {
      const int i = list->ilist[ii], z = map[atom->type[i]];
      if (z < 0) continue;
      closest = std::min(closest, look_around(i, environment));
      const auto &element = potential.elements[z];
      environment.describe();
      for (int e = 0; e < n_members; ++e) {
        const int member = spread ? e : potential.best;
        const bool acts = member == potential.best;
        const bool derived = acts || want_forces_std;
        outputs[e] = environment.run(element, member, derived);
        if (derived) environment.pull_back();
        if (acts) apply(i, outputs[e] / potential.scale + element.offset, environment);
        if (want_forces_std) {
          double *f = &member_forces[3 * member];
          for (int k = 0; k < environment.m; ++k) {
            const double g[3] = {environment.gx[k], environment.gy[k], environment.gz[k]};
            for (int b = 0; b < 3; ++b) {
              f[(std::size_t) width * i + b] += g[b];
              f[(std::size_t) width * environment.who[k] + b] -= g[b];
            }
          }
        }
      }
      if (want_energy_std) energy_std[i] = deviation(outputs.data(), 1);
    }
    const double nearest = std::max(potential.minimum_distance, 1e-6);
    if (closest < nearest * nearest)
      error->one(FLERR, "atoms overlap: {:.3g} Angstrom apart, less than the minimum of {}",
                 std::sqrt(closest), potential.minimum_distance);
    if (want_forces_std) {
      comm->reverse_comm(this);
      for (int i = 0; i < atom->nlocal; ++i)
        for (int b = 0; b < 3; ++b)
          forces_std[i][b] = deviation(&member_forces[(std::size_t) width * i + b], 3);
    }
  }

  int pack_reverse_comm(int n, int first, double *buffer) override
  {
    const double *from = member_forces.data() + (std::size_t) comm_reverse * first;
    std::copy(from, from + (std::size_t) comm_reverse * n, buffer);
    return n * comm_reverse;
  }

  void unpack_reverse_comm(int n, int *owners, double *buffer) override
  {
    for (int k = 0; k < n; ++k)
      for (int b = 0; b < comm_reverse; ++b)
        member_forces[(std::size_t) comm_reverse * owners[k] + b] += *buffer++;
  }

  // `fix pair` sets the flags on the steps for which it wants the spread
  void *extract(const char *name, int &dimension) override
  {
    dimension = 0;
    if (!std::strcmp(name, "energy_std_flag")) return &want_energy_std;
    if (!std::strcmp(name, "forces_std_flag")) return &want_forces_std;
    return nullptr;
  }

  void *extract_peratom(const char *name, int &columns) override
  {
    if (potential.n_members < 2) return nullptr;
    grow();
    columns = 0;
    if (!std::strcmp(name, "energy_std")) return energy_std;
    columns = 3;
    return std::strcmp(name, "forces_std") ? nullptr : (void *) forces_std;
  }

 private:
  lps_ann::Potential potential{};
  int want_energy_std = 0, want_forces_std = 0, n_max = 0;
  double *energy_std = nullptr, **forces_std = nullptr;
  lps_ann::Numbers member_forces;    // of local and ghost atoms, by member

  void grow()
  {
    if (n_max >= std::max(1, atom->nmax)) return;
    n_max = std::max(1, atom->nmax);
    memory->destroy(energy_std);
    memory->destroy(forces_std);
    memory->create(energy_std, n_max, "pair:energy_std");
    memory->create(forces_std, n_max, 3, "pair:forces_std");
    std::fill(energy_std, energy_std + n_max, 0.0);
    std::fill(forces_std[0], forces_std[0] + 3 * n_max, 0.0);
  }

  // One process reads, all get the contents
  std::string read_everywhere(const std::string &name)
  {
    std::string bytes;
    bigint size = -1;
    if (comm->me == 0) {
      std::ifstream file(utils::get_potential_file_path(name), std::ios::binary);
      std::ostringstream content;
      if (file && content << file.rdbuf()) {
        bytes = content.str();
        size = bytes.size();
      }
    }
    MPI_Bcast(&size, 1, MPI_LMP_BIGINT, 0, world);
    if (size < 0 || size > MAXSMALLINT)
      error->all(FLERR, "pair_coeff of lps_ann: {} cannot be read, or is empty", name);
    bytes.resize(size);
    MPI_Bcast(&bytes[0], size, MPI_CHAR, 0, world);
    return bytes;
  }

  // Fills the environment with the neighbours of atom i; returns the smallest r^2
  double look_around(int i, lps_ann::Environment &environment) const
  {
    const double cutsq = potential.radial_cutoff * potential.radial_cutoff;
    const int *neighbours = list->firstneigh[i], number = list->numneigh[i];
    const double *here = atom->x[i];
    double closest = std::numeric_limits<double>::max();
    environment.clear(number);
    for (int k = 0; k < number; ++k) {
      const int j = neighbours[k] & NEIGHMASK;
      const double *there = atom->x[j];
      const double x = there[0] - here[0], y = there[1] - here[1], z = there[2] - here[2];
      const double rsq = x * x + y * y + z * z;
      if (rsq >= cutsq) continue;
      const int element = map[atom->type[j]];
      if (element < 0) continue;
      closest = std::min(closest, rsq);
      environment.add(j, potential.spin(element), x, y, z, rsq);
    }
    environment.close();
    return closest;
  }

  // Adds the energy of atom i, the forces that it exerts and the virial
  void apply(int i, double energy, const lps_ann::Environment &environment)
  {
    double **f = atom->f;
    if (eflag_global) eng_vdwl += energy;
    if (eflag_atom) eatom[i] += energy;
    double sum[3] = {0, 0, 0}, total[6] = {0, 0, 0, 0, 0, 0};
    for (int k = 0; k < environment.m; ++k) {
      const double gx = environment.gx[k] / potential.scale;
      const double gy = environment.gy[k] / potential.scale;
      const double gz = environment.gz[k] / potential.scale;
      const double dx = environment.dx[k], dy = environment.dy[k], dz = environment.dz[k];
      const int j = environment.who[k];
      f[j][0] -= gx, f[j][1] -= gy, f[j][2] -= gz;
      sum[0] += gx, sum[1] += gy, sum[2] += gz;
      if (!vflag_either) continue;
      const double v[6] = {-dx * gx,
                           -dy * gy,
                           -dz * gz,
                           -0.5 * (dx * gy + dy * gx),
                           -0.5 * (dx * gz + dz * gx),
                           -0.5 * (dy * gz + dz * gy)};
      for (int b = 0; b < 6; ++b) {
        total[b] += v[b];
        if (vflag_atom) {
          vatom[i][b] += 0.5 * v[b];
          vatom[j][b] += 0.5 * v[b];
        }
      }
    }
    for (int b = 0; b < 3; ++b) f[i][b] += sum[b];
    if (vflag_global)
      for (int b = 0; b < 6; ++b) virial[b] += total[b];
  }

  // Standard deviation over the members of values that are `stride` apart
  double deviation(const double *values, int stride) const
  {
    const int n = potential.n_members;
    double mean = 0.0, square = 0.0;
    for (int e = 0; e < n; ++e) mean += values[e * stride] / n;
    for (int e = 0; e < n; ++e) {
      const double d = values[e * stride] - mean;
      square += d * d / n;
    }
    return std::sqrt(square) / std::fabs(potential.scale);
  }
};

}    // namespace LAMMPS_NS

// ---- what LAMMPS loads ----------------------------------------------------------------

namespace {

// LAMMPS hands over this structure's layout in lammpsplugin.h, which the wheel leaves out
struct Plugin {
  const char *version, *style, *name, *info, *author;
  union {
    void *(*v1)(void *);
    void *(*v2)(void *, int, char **);
  } creator;
  void *handle;
};

void *create(void *lmp)
{
  return new LAMMPS_NS::PairLPSANN(static_cast<LAMMPS_NS::LAMMPS *>(lmp));
}

}    // namespace

extern "C" void lammpsplugin_init(void *lmp, void *handle, void *regfunc)
{
  Plugin plugin{LPS_LAMMPS_VERSION, "pair", "lps_ann", "ANN potentials on Chebyshev descriptors",
                "lps-flows", {}, handle};
  plugin.creator.v1 = create;
  reinterpret_cast<void (*)(Plugin *, void *)>(regfunc)(&plugin, lmp);
}
