// Reads a potential saved by lps-flows, or the binary network files of aenet.
//
// A saved potential is a safetensors file: the length of a JSON header (8 bytes), the
// header, then raw arrays; the header's metadata holds the potential's own JSON. An
// aenet file is a series of Fortran records, each between two 4-byte lengths.

#ifndef LPS_POTENTIAL_FILES_HPP
#define LPS_POTENTIAL_FILES_HPP

#include "json.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace lps_ann {

using Json = LAMMPS_NS::json;
using Numbers = std::vector<double>;

enum Activation { LINEAR, TANH, SIGMOID, MTANH, TWIST };    // the codes of aenet

struct Layer {
  int inputs, outputs, activation;
  Numbers weight, bias;    // weight[input * outputs + output]
};

struct Element {    // what the atoms of one element share
  std::string symbol;
  Numbers mean, inverse_std;
  double offset;                             // eV
  std::vector<std::vector<Layer>> networks;    // by member
};

struct Potential {
  double radial_cutoff, angular_cutoff, minimum_distance;    // Angstrom
  int radial_order, angular_order, best, n_members;
  double scale;    // energy = network / scale + offset
  std::vector<Element> elements;

  bool weighted() const { return elements.size() > 1; }
  int half() const { return radial_order + angular_order + 2; }
  int n_features() const { return weighted() ? 2 * half() : half(); }

  // ..., -2, -1, (0 if the number of elements is odd), 1, 2, ...
  double spin(int element) const
  {
    const int n = elements.size(), middle = n / 2;
    const int k = element - middle;
    return (n % 2 == 0 && k >= 0) ? k + 1 : k;
  }
};

inline void refuse(const std::string &problem) { throw std::runtime_error(problem); }

inline Numbers inverse_deviation(const double *mean, const double *mean_square, int n)
{
  Numbers result(n);
  for (int k = 0; k < n; ++k) {
    const double std = std::sqrt(std::max(mean_square[k] - mean[k] * mean[k], 0.0));
    result[k] = std <= 1e-10 ? 0.0 : 1.0 / std;
  }
  return result;
}

inline void check(const Potential &p)
{
  if (p.angular_cutoff > p.radial_cutoff || !(p.radial_cutoff > 0) || p.radial_order < 0 ||
      p.angular_order < 0 || p.scale == 0 || p.best < 0 || p.best >= p.n_members)
    refuse("its numbers do not make a potential");
  for (const auto &element : p.elements) {
    if ((int) element.mean.size() != p.n_features()) refuse("features do not fit the set-up");
    for (const auto &network : element.networks) {
      int inputs = p.n_features();
      for (const auto &layer : network) {
        if (layer.inputs != inputs || layer.outputs < 1 || layer.activation < LINEAR ||
            layer.activation > TWIST)
          refuse("the layers of " + element.symbol + " do not fit together");
        inputs = layer.outputs;
      }
      if (inputs != 1) refuse("the network of " + element.symbol + " has not one output");
    }
  }
}

// ---- saved potentials ---------------------------------------------------------------

class Tensors {
 public:
  explicit Tensors(const std::string &bytes) : bytes_(bytes)
  {
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), 8);
    if (length > bytes.size() - 8) refuse("it ends early");
    header_ = Json::parse(bytes.substr(8, length));
    start_ = 8 + length;
    std::uint64_t end = 0;
    for (const auto &entry : header_.items())
      if (entry.key() != "__metadata__")
        end = std::max(end, entry.value().at("data_offsets").at(1).get<std::uint64_t>());
    if (end != bytes.size() - start_) refuse("it ends early, or holds more than its arrays");
  }

  Json metadata() const
  {
    return Json::parse(header_.at("__metadata__").at("lps-flows").get<std::string>());
  }

  // The numbers of an array, which must be of double precision
  Numbers numbers(const std::string &name) const
  {
    const Json &entry = header_.at(name);
    if (entry.at("dtype") != "F64") refuse(name + " is not of double precision");
    const auto span = entry.at("data_offsets").get<std::vector<std::uint64_t>>();
    if (span.at(0) > span.at(1)) refuse("the place of " + name + " is damaged");
    Numbers values((span[1] - span[0]) / sizeof(double));
    std::memcpy(values.data(), bytes_.data() + start_ + span[0], values.size() * sizeof(double));
    return values;
  }

 private:
  const std::string &bytes_;
  Json header_;
  std::size_t start_;
};

inline Potential read_saved(const std::string &bytes)
{
  static const std::vector<std::string> names = {"linear", "tanh", "sigmoid", "mtanh", "twist"};
  const Tensors tensors(bytes);
  const Json header = tensors.metadata(), descriptor = header.at("descriptor");
  if (header.at("format") != "lps-flows-ann-1") refuse("made by another version of lps-flows");
  Potential p;
  p.radial_cutoff = descriptor.at("radial_cutoff").get<double>();
  p.radial_order = descriptor.at("radial_order").get<int>();
  p.angular_cutoff = descriptor.at("angular_cutoff").get<double>();
  p.angular_order = descriptor.at("angular_order").get<int>();
  p.minimum_distance = descriptor.at("minimum_distance").get<double>();
  p.best = header.at("best").get<int>();
  p.n_members = header.at("n_members").get<int>();
  const Numbers mean = tensors.numbers("normalisation.mean");
  const Numbers mean_square = tensors.numbers("normalisation.mean_square");
  const Numbers atomic = tensors.numbers("normalisation.atomic_energies");
  const Numbers energy = tensors.numbers("normalisation.energy");
  const auto species = descriptor.at("species").get<std::vector<std::string>>();
  p.elements.resize(species.size());
  p.scale = energy.at(0);
  const std::size_t n = p.n_features();
  if (mean.size() != n * species.size() || mean_square.size() != mean.size() ||
      atomic.size() != species.size())
    refuse("the normalisation does not fit the descriptor");
  for (std::size_t z = 0; z < species.size(); ++z) {
    Element &element = p.elements[z];
    element.symbol = species[z];
    element.mean.assign(&mean[z * n], &mean[z * n] + n);
    element.inverse_std = inverse_deviation(&mean[z * n], &mean_square[z * n], n);
    element.offset = energy.at(1) + atomic[z];
    const auto codes = header.at("activations").at(species[z]).get<std::vector<std::string>>();
    for (int k = 0; k < p.n_members; ++k) {
      std::vector<Layer> network;
      for (std::size_t l = 0; l < codes.size(); ++l) {
        const std::string key =
            std::to_string(k) + "." + species[z] + "." + std::to_string(l) + ".";
        const Numbers weight = tensors.numbers(key + "weight");    // [output][input]
        Layer layer;
        layer.bias = tensors.numbers(key + "bias");
        layer.outputs = layer.bias.size();
        layer.inputs = layer.outputs ? weight.size() / layer.outputs : 0;
        layer.activation = std::find(names.begin(), names.end(), codes[l]) - names.begin();
        layer.weight.resize(weight.size());
        for (int o = 0; o < layer.outputs; ++o)
          for (int i = 0; i < layer.inputs; ++i)
            layer.weight[i * layer.outputs + o] = weight[o * layer.inputs + i];
        network.push_back(layer);
      }
      element.networks.push_back(network);
    }
  }
  return p;
}

// ---- network files of aenet ---------------------------------------------------------

class Records {
 public:
  explicit Records(const std::string &bytes) : bytes_(bytes) {}

  std::string text()
  {
    std::string record = next();
    record.erase(record.find_last_not_of(' ') + 1);
    return record;
  }
  std::vector<std::string> texts(int width)
  {
    const std::string record = next();
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < record.size(); at += width) {
      parts.push_back(record.substr(at, width));
      parts.back().erase(parts.back().find_last_not_of(' ') + 1);
    }
    return parts;
  }
  std::vector<int> integers() { return values<int>(); }
  Numbers numbers() { return values<double>(); }
  int integer() { return integers().at(0); }
  double number() { return numbers().at(0); }
  void skip(int count)
  {
    while (count-- > 0) next();
  }

 private:
  template <typename T> std::vector<T> values()
  {
    const std::string record = next();
    std::vector<T> result(record.size() / sizeof(T));
    std::memcpy(result.data(), record.data(), result.size() * sizeof(T));
    return result;
  }
  std::string next()
  {
    const std::size_t size = mark(at_);
    if (at_ + 8 + size > bytes_.size() || mark(at_ + 4 + size) != size)
      refuse("record " + std::to_string(number_ + 1) + " is damaged, or the file ends early");
    const std::string record = bytes_.substr(at_ + 4, size);
    at_ += 8 + size;
    ++number_;
    return record;
  }
  std::uint32_t mark(std::size_t at) const
  {
    std::uint32_t value = 0;
    if (at + 4 > bytes_.size()) refuse("the file ends early");
    std::memcpy(&value, bytes_.data() + at, 4);
    return value;
  }
  const std::string &bytes_;
  std::size_t at_ = 0;
  int number_ = 0;
};

struct NetworkFile {
  Element element;
  std::vector<std::string> environment;
  double radial_cutoff, angular_cutoff, minimum_distance, scale, shift;
  int radial_order, angular_order;
};

inline NetworkFile read_network(const std::string &bytes)
{
  Records records(bytes);
  NetworkFile file;
  records.skip(4);    // numbers of layers, nodes, weights, values
  const auto nodes = records.integers(), codes = records.integers(), ends = records.integers();
  records.skip(1);    // where each layer's values end
  const Numbers flat = records.numbers();
  records.skip(1);    // description
  file.element.symbol = records.text();
  records.skip(1);    // number of species
  file.environment = records.texts(2);
  file.minimum_distance = records.number();
  records.skip(1);    // cutoff
  const std::string basis = records.text();
  if (basis != "Chebyshev" && basis != "chebyshev") refuse("its basis is not Chebyshev");
  records.skip(3);    // numbers of features and parameters, kinds
  const Numbers parameters = records.numbers();
  records.skip(4);    // species of functions, evaluations, minimum, maximum
  file.element.mean = records.numbers();
  const Numbers mean_square = records.numbers();
  records.skip(2);    // training file, normalised
  file.scale = records.number();
  file.shift = records.number();
  records.skip(1);    // number of types
  const auto types = records.texts(2);
  const Numbers atomic = records.numbers();
  if (mean_square.size() != file.element.mean.size() || parameters.size() < 4 ||
      nodes.size() < 2 || codes.size() + 1 < nodes.size() || ends.size() < nodes.size())
    refuse("its records do not fit together");
  file.radial_cutoff = parameters[0];
  file.radial_order = std::lround(parameters[1]);
  file.angular_cutoff = parameters[2];
  file.angular_order = std::lround(parameters[3]);
  file.element.inverse_std = inverse_deviation(file.element.mean.data(), mean_square.data(),
                                               mean_square.size());
  const auto own = std::find(types.begin(), types.end(), file.element.symbol) - types.begin();
  if (own >= (long) atomic.size()) refuse("no atomic energy of " + file.element.symbol);
  file.element.offset = file.shift + atomic[own];
  std::vector<Layer> network;
  for (std::size_t l = 0; l + 1 < nodes.size(); ++l) {
    Layer layer{nodes[l], nodes[l + 1], codes[l], {}, {}};
    const long size = (long) layer.inputs * layer.outputs;    // then the bias
    if (layer.inputs < 1 || layer.outputs < 1 || ends[l] < 0 ||
        ends[l] + size + layer.outputs > (long) flat.size())
      refuse("its weights do not fit its layers");
    const auto from = flat.begin() + ends[l];
    layer.weight.assign(from, from + size);
    layer.bias.assign(from + size, from + size + layer.outputs);
    network.push_back(layer);
  }
  file.element.networks.push_back(network);
  return file;
}

inline Potential join(const std::vector<NetworkFile> &files)
{
  const NetworkFile &first = files.front();
  Potential p;
  p.radial_cutoff = first.radial_cutoff;
  p.radial_order = first.radial_order;
  p.angular_cutoff = first.angular_cutoff;
  p.angular_order = first.angular_order;
  p.minimum_distance = first.minimum_distance;
  p.scale = first.scale;
  p.best = 0;
  p.n_members = 1;
  if (files.size() != first.environment.size())
    refuse("one file is needed for each species of the set-up");
  for (const auto &symbol : first.environment) {
    const auto found = std::find_if(files.begin(), files.end(), [&](const NetworkFile &f) {
      return f.element.symbol == symbol;
    });
    if (found == files.end()) refuse("no file holds the network of " + symbol);
    if (found->environment != first.environment || found->scale != first.scale ||
        found->shift != first.shift || found->radial_cutoff != first.radial_cutoff ||
        found->angular_cutoff != first.angular_cutoff ||
        found->radial_order != first.radial_order ||
        found->angular_order != first.angular_order)
      refuse("the files are not of one training");
    p.minimum_distance = std::min(p.minimum_distance, found->minimum_distance);
    p.elements.push_back(found->element);
  }
  return p;
}

// The contents of one saved potential, or of one network file per element
inline Potential read_potential(const std::vector<std::string> &contents)
{
  Potential p;
  if (contents.size() == 1 && contents[0].size() > 9 && contents[0][8] == '{') {
    p = read_saved(contents[0]);
  } else {
    std::vector<NetworkFile> files;
    for (const auto &bytes : contents) {
      const std::string head = bytes.substr(0, 64);
      if (head.find('\0') == std::string::npos)
        refuse("neither a saved potential nor a binary .nn file; convert a text file with "
               "ANNPotential.from_aenet(...).save(...)");
      files.push_back(read_network(bytes));
    }
    p = join(files);
  }
  check(p);
  return p;
}

}    // namespace lps_ann

#endif
